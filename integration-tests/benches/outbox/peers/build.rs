use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A peer's program, ready to be started.
pub(crate) struct Built {
    pub(crate) name: &'static str,
    pub(crate) command: Vec<String>,
}

/// Builds the one on `oagudo/outbox`, or returns why it cannot.
pub(crate) fn go() -> Result<Built, String> {
    let name = "oagudo/outbox (Go)";
    let program = target("go").join("peer").display().to_string();
    run(name, "go", &["build", "-o", &program, "."], &sources("go"))?;
    let command = vec![program];
    Ok(Built { name, command })
}

/// Builds the one on `transaction-outbox`, or returns why it cannot.
pub(crate) fn java() -> Result<Built, String> {
    let name = "transaction-outbox (Java)";
    let (sources, target) = (sources("java"), target("java"));
    let (jars, classes) = (target.join("jars"), target.join("classes"));
    let jars = jars.display().to_string();
    let copy = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";
    let to = format!("-DoutputDirectory={jars}");
    let arguments = ["-q", "-B", copy, "-DincludeScope=runtime", &to];
    run(name, "mvn", &arguments, &sources)?;
    let classes = classes.display().to_string();
    let path = format!("{jars}/*");
    let arguments = ["--release", "17", "-Xlint:all", "-Werror", "-cp", &path];
    let arguments = [&arguments[..], &["-d", &classes, "Peer.java"]].concat();
    run(name, "javac", &arguments, &sources)?;
    let command = ["java", "-cp", &format!("{classes}:{path}"), "Peer"];
    let command = command.map(str::to_owned).to_vec();
    Ok(Built { name, command })
}

fn sources(language: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/outbox/peers");
    here.join(language)
}

fn target(language: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("outbox-peers");
    folder.join(language)
}

/// Runs a tool, whose own output goes to standard error.
fn run(peer: &str, tool: &str, arguments: &[&str], folder: &Path) -> Result<(), String> {
    let status = Command::new(tool)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("{peer}, because {tool} cannot be run: {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{peer}, because {tool} failed: {status}"))
}
