//! Other projects' programs, built of the sources beside a bench and what their registries have.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The sources of a peer, and where what is made of them goes.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) sources: PathBuf,
    pub(crate) target: PathBuf,
}

/// A peer's program, ready to be started.
pub(crate) struct Built {
    pub(crate) name: &'static str,
    pub(crate) command: Vec<String>,
}

impl Peer {
    /// The one in `benches/BENCH/peers/FOLDER`.
    pub(crate) fn new(name: &'static str, bench: &str, folder: &str) -> Self {
        let benches = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{bench}-peers"));
        Self {
            name,
            sources: benches.join(bench).join("peers").join(folder),
            target: target.join(folder),
        }
    }

    /// Builds a Go module, or says why it cannot be built.
    pub(crate) fn go(&self) -> Result<Built, String> {
        let program = self.target.join("peer").display().to_string();
        self.run("go", &["build", "-o", &program, "."])?;
        Ok(self.built(vec![program]))
    }

    /// Gets the jars that a `pom.xml` names, and returns their class path.
    pub(crate) fn jars(&self) -> Result<String, String> {
        let jars = self.target.join("jars").display().to_string();
        let copy = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";
        let to = format!("-DoutputDirectory={jars}");
        self.run("mvn", &["-q", "-B", copy, "-DincludeScope=runtime", &to])?;
        Ok(format!("{jars}/*"))
    }

    pub(crate) fn built(&self, command: Vec<String>) -> Built {
        let name = self.name;
        Built { name, command }
    }

    /// Runs a tool in the folder of the sources; its own words go to standard error.
    pub(crate) fn run(&self, tool: &str, arguments: &[&str]) -> Result<(), String> {
        let status = Command::new(tool)
            .args(arguments)
            .current_dir(&self.sources)
            .stdin(Stdio::null())
            .status()
            .map_err(|error| format!("{}, for {tool} cannot be run: {error}", self.name))?;
        if status.success() {
            return Ok(());
        }
        Err(format!("{}, for {tool} failed: {status}", self.name))
    }
}

/// Those that could be built; the others are named on standard output.
pub(crate) fn present<T>(peers: impl IntoIterator<Item = Result<T, String>>) -> Vec<T> {
    let left_out = |reason| println!("  left out: {reason}");
    let peers = peers.into_iter();
    peers
        .filter_map(|peer| peer.map_err(left_out).ok())
        .collect()
}
