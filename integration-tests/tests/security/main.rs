//! Producer and consumer against brokers that require authentication. Certificates and users are
//! created at test time.

mod causes_are_told_apart;
mod client_certificates;
mod consumers_not_authorised;
mod every_mechanism_logs_in;
mod not_authorised;
mod reconnects_are_few;
mod set_in_code;
mod support;
mod the_roadmaps_first_example;
