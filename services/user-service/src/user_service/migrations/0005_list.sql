-- The list of people needs one index: each filter but search and function is a condition on its columns, in its order.

DROP INDEX person_by_name, person_active, person_inactive, person_company, person_department, person_invitation_status;
CREATE INDEX person_by_name ON person
    (academy, sort_key, active, invitation_status, invitation_expires_at, company_id, department_id) WHERE NOT deleted;

-- Who acts has accepted the terms: nobody else is looked for by this id.
DROP INDEX person_user_id;
CREATE INDEX person_user_id ON person (user_id) WHERE ever_accepted_terms;
