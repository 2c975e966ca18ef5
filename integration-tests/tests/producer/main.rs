//! The producer against real brokers, read back by `kcat`.

mod a_broker_may_come_late;
mod a_full_queue_pushes_back;
mod closing_tells_what_is_left;
mod errors_are_told_apart;
mod every_send_is_read_back;
mod keys_land_where_java_puts_them;
mod nothing_is_lost_while_the_broker_is_gone;
mod outcomes_are_told_once;
mod support;
