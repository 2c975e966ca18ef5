//! The producer without a real broker: with none, with a silent one, and with librdkafka's mock.

mod a_failed_client_is_replaced;
mod a_mock_broker_refuses;
mod no_broker_answers;
mod support;
mod what_is_refused_at_once;
