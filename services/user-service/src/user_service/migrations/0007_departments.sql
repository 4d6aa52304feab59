-- The people of a department, wherever they stand in the list. Many people share each key: it takes little room and time.

CREATE INDEX person_department ON person (academy, department_id);
