//! The variables, files and addresses in which the credentials chain looks.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The base of `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`.
const CONTAINER: &str = "http://169.254.170.2";
/// The maximum size of a file that is read here, in bytes.
const LARGEST_FILE: u64 = 1 << 20;

type Variable = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The process's view of its machine. Everything is read when it is needed, and nothing is cached.
#[derive(Clone)]
pub(crate) struct Environment {
    variable: Arc<Variable>,
    home: Option<PathBuf>,
    container: String,
}

impl Environment {
    /// Returns the environment of this process.
    pub(crate) fn of_process() -> Self {
        Self {
            variable: Arc::new(|name| std::env::var(name).ok()),
            home: std::env::home_dir(),
            container: CONTAINER.to_owned(),
        }
    }

    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)], home: &Path, container: &str) -> Self {
        let variables: std::collections::HashMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Self {
            variable: Arc::new(move |name| variables.get(name).cloned()),
            home: Some(home.to_owned()),
            container: container.to_owned(),
        }
    }

    /// Returns a variable that is set and not blank.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.trim().is_empty())
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
    }

    /// Returns the file that this variable names, or one in the home directory.
    pub(super) fn file(&self, variable: &str, in_home: &str) -> Option<PathBuf> {
        match self.get(variable) {
            Some(path) => Some(self.expanded(&path)),
            None => self.home.as_ref().map(|home| home.join(in_home)),
        }
    }

    /// Expands a leading `~/` to the home directory.
    pub(super) fn expanded(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }

    /// Returns the address of a service such as `STS` from `AWS_ENDPOINT_URL_…` or `AWS_ENDPOINT_URL`,
    /// without a slash at the end.
    pub(crate) fn endpoint(&self, service: &str) -> Option<String> {
        if self.is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
            return None;
        }
        let url = self
            .get(&format!("AWS_ENDPOINT_URL_{service}"))
            .or_else(|| self.get("AWS_ENDPOINT_URL"))?;
        Some(url.trim().trim_end_matches('/').to_owned())
    }

    pub(super) fn container(&self) -> &str {
        &self.container
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("home", &self.home)
            .field("container", &self.container)
            .finish_non_exhaustive()
    }
}

/// Returns the text of a file, or `None` if it does not exist.
pub(super) fn read(file: &Path) -> Result<Option<String>, String> {
    let wrong = |why: &str| format!("{} cannot be read: {why}", file.display());
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(&error.to_string())),
    };
    let mut bytes = Vec::new();
    opened
        .take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| wrong(&error.to_string()))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(wrong("it is larger than 1 MiB"));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(wrong("it is not UTF-8")),
    }
}

/// Returns the trimmed text of a file that must exist and not be empty.
pub(super) fn read_token(file: &Path) -> Result<String, String> {
    let text = read(file)?.ok_or_else(|| format!("there is no file {}", file.display()))?;
    match text.trim() {
        "" => Err(format!("{} is empty", file.display())),
        token => Ok(token.to_owned()),
    }
}
