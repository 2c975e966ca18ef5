//! What a user of the configuration sees, a module a behaviour.

mod a_configuration_describes_itself;
mod a_schema_registry_is_checked;
mod bad_values_are_named_with_what_is_allowed;
mod brokers_are_checked;
mod every_layer_is_read_in_its_order;
mod files_are_checked;
mod java_names_get_advice;
mod no_input_panics;
mod properties_pass_through;
mod secrets_are_never_shown;
mod settings_must_fit_together;
mod support;
mod the_reference_matches_the_declarations;
mod unknown_names_get_a_hint;
