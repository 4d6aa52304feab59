"""What Instroom says: the envelope, the events and commands, the topics, the error codes and the normal forms.

This package needs pydantic and the standard library only, so that another program can be built from it alone.
"""
