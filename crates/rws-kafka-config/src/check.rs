//! Helpers for the checks that concern several settings.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::error::{Problem, ProblemKind};
use crate::files;
use crate::origin::Origin;
use crate::passthrough::PassThrough;
use crate::setting::Setting;
use crate::settings::Key;
use crate::slot::Slot;
use crate::values::Values;

pub(crate) struct Check<'a> {
    pub(crate) values: &'a Values,
    pub(crate) properties: &'a [PassThrough],
    pub(crate) problems: &'a mut Vec<Problem>,
}

impl Check<'_> {
    /// Returns the password that is set directly, or that of the file. Both together are a problem.
    pub(crate) fn one_of(
        &mut self,
        password: &Slot<SecretString>,
        file: &Slot<PathBuf>,
    ) -> Option<SecretString> {
        if password.is_explicit() && file.is_explicit() {
            self.conflict(
                password.origin(),
                format!("is set, and so is {}: keep one", file.origin()),
            );
        }
        let Some(path) = file.value() else {
            return password.value().cloned();
        };
        self.file(file, path, files::read_password)
    }

    pub(crate) fn refuse_explicit<T>(&mut self, slot: &Slot<T>, message: &str) {
        if slot.is_explicit() {
            self.conflict(slot.origin(), message);
        }
    }

    pub(crate) fn file<T>(
        &mut self,
        slot: &Slot<PathBuf>,
        path: &Path,
        check: fn(&Path) -> Result<T, String>,
    ) -> Option<T> {
        check(path)
            .map_err(|why| {
                let problem = Problem::new(ProblemKind::File, slot.origin(), why);
                self.problems.push(problem);
            })
            .ok()
    }

    pub(crate) fn missing(&mut self, key: Key, message: &str) {
        let origin = Origin::Default {
            key: key.setting().key().to_owned(),
        };
        self.problems
            .push(Problem::new(ProblemKind::Missing, &origin, message));
    }

    pub(crate) fn conflict(&mut self, origin: &Origin, message: impl Into<String>) {
        self.problems
            .push(Problem::new(ProblemKind::Conflict, origin, message));
    }
}

pub(crate) fn spellings(setting: &Setting) -> String {
    format!(
        "`{}` ({}, {}=)",
        setting.key(),
        setting.env(),
        setting.flag()
    )
}
