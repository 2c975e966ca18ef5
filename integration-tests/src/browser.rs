//! Loads pages in a headless Chromium.

use std::{fs, path::Path};

use crate::program::{is_there, run_program};

/// A Chromium without a window. Each call starts a new browser.
#[derive(Debug)]
pub struct Browser {
    width: u32,
    height: u32,
    is_dark: bool,
}

/// The first of these that is there.
const PROGRAMS: [&str; 4] = [
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
];

/// Chromium's message for something that a page's policy forbids.
const REFUSED: &str = "Content Security Policy";

impl Browser {
    /// Creates a browser with a window of this size, in CSS pixels.
    pub fn new(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            is_dark: false,
        }
    }

    /// Sets the user's preference to dark pages.
    #[must_use]
    pub fn dark(mut self) -> Self {
        self.is_dark = true;
        self
    }

    /// Returns the document as it is once the page is loaded and its scripts have run.
    ///
    /// # Panics
    ///
    /// Panics if the browser is not installed, or has not ended after 30 s, or the page tries what
    /// its own policy forbids.
    pub fn document(&self, url: &str) -> String {
        self.run(&["--dump-dom"], url)
    }

    /// Writes a picture of the window to `path`, in the format PNG.
    ///
    /// # Panics
    ///
    /// As [`document`](Self::document), and when there is no picture of that size.
    pub fn picture(&self, url: &str, path: &Path) {
        self.run(&[&format!("--screenshot={}", path.display())], url);
        let png = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // The header's width and height follow the signature, a length and a name.
        let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().expect("4 bytes"));
        assert_eq!((number(16), number(20)), (self.width, self.height));
    }

    fn run(&self, arguments: &[&str], url: &str) -> String {
        let profile = tempfile::tempdir().expect("an empty folder");
        let profile = format!("--user-data-dir={}", profile.path().display());
        let size = format!("--window-size={},{}", self.width, self.height);
        let scheme = u8::from(!self.is_dark);
        let scheme = format!("--blink-settings=preferredColorScheme={scheme}");
        let mut all = vec!["--headless", "--disable-gpu", "--hide-scrollbars"];
        // Containers often do not support the sandbox, and the pages are our own.
        all.extend(["--no-sandbox", "--disable-dev-shm-usage"]);
        all.extend(["--enable-logging=stderr", &profile, &size, &scheme]);
        all.extend(arguments);
        all.push(url);
        let program = PROGRAMS.into_iter().find(|name| is_there(name));
        let (status, output, errors) = run_program(program.unwrap_or(PROGRAMS[0]), &all, b"");
        assert!(
            status.is_some_and(|status| status.success()),
            "{url}: {status:?}\n{errors}"
        );
        assert!(!errors.contains(REFUSED), "{url}:\n{errors}");
        String::from_utf8(output).expect("Chromium writes UTF-8")
    }
}
