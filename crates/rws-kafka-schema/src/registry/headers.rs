use secrecy::SecretString;

/// Headers that are added to each request. Their values may be secrets.
#[derive(Clone, Default)]
pub(crate) struct Headers(pub(crate) Vec<(String, SecretString)>);

impl std::fmt::Debug for Headers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}
