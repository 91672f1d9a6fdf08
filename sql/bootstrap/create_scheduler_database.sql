-- The product's database; owned by the superuser, so that the login changes no schema. Run only while it is missing.
CREATE DATABASE scheduler OWNER postgres;
