"""Dead letters that people work with: found, looked at, sent again or dropped, and each such act written down.

What was set aside lies on the topic of dead letters for whoever listens; here, in the service that gave it up, lie its
bytes and its state, so that sending it again is one transaction: state, audit and outbox.
"""
