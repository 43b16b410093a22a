//! Makes the ported crate beneath `target/port`: fetches, copies and rewrites it.
//!
//! Owns the folders there and what is written to them. Runs no test.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::Value;

use super::table::{Crate, Part};
use super::{Trouble, uses, wrap};
use crate::sh;

/// What the ported tests find as `lif_port`.
const SHIM: &str = include_str!("shim.rs");

/// The folder of the ported crate, ready to be built.
pub(super) fn prepare(of: &Crate) -> Result<PathBuf, Trouble> {
    let published = fetch(of)?;
    let folder = sh::target("port").join(of.name);
    clear(&folder)?;
    copy(&published, &folder)?;
    adopt(of, &folder)?;
    let parts: &[&str] = if of.part == Part::Whole { &["src", "tests"] } else { &["tests"] };
    for part in parts {
        each_source(&folder.join(part), &mut |path| port(of, path))?;
    }
    Ok(folder)
}

/// Has cargo download the crate, and finds where it is.
fn fetch(of: &Crate) -> Result<PathBuf, Trouble> {
    let folder = sh::target("port").join("fetch").join(of.name);
    clear(&folder)?;
    let manifest = folder.join("Cargo.toml");
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("src/lib.rs"), "")?;
    fs::write(
        &manifest,
        format!(
            "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [dependencies]\n{} = \"={}\"\n[workspace]\n",
            of.name, of.version
        ),
    )?;
    let mut cargo = sh::cargo_alone("metadata");
    cargo.args(["--format-version", "1", "--manifest-path"]).arg(&manifest);
    sh::announce(&cargo);
    let output = cargo.stderr(std::process::Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(Trouble(format!("cargo could not fetch {} {}", of.name, of.version)));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| Trouble(format!("cargo metadata is no JSON: {error}")))?;
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    packages
        .iter()
        .find(|package| package["name"] == of.name && package["version"] == of.version)
        .and_then(|package| Path::new(package["manifest_path"].as_str()?).parent())
        .map(Path::to_path_buf)
        .ok_or_else(|| Trouble(format!("cargo metadata does not name {} {}", of.name, of.version)))
}

/// Makes the copy a workspace of its own that depends on this checkout.
fn adopt(of: &Crate, folder: &Path) -> Result<(), Trouble> {
    let shim = sh::target("port").join("shim");
    fs::create_dir_all(&shim)?;
    let lif = sh::root().join("runtime");
    fs::write(shim.join("lib.rs"), SHIM)?;
    fs::write(
        shim.join("Cargo.toml"),
        format!(
            "[package]\nname = \"lif_port\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [lib]\npath = \"lib.rs\"\n[dependencies]\nlif.path = {lif:?}\n[workspace]\n"
        ),
    )?;
    let manifest = folder.join("Cargo.toml");
    let mut text = fs::read_to_string(&manifest)?;
    text.push_str(&format!(
        "\n[dependencies.lif]\npath = {lif:?}\n[dependencies.lif_port]\npath = {shim:?}\n[workspace]\n"
    ));
    fs::write(&manifest, text)?;
    // Benches and examples are not tested, and some need a nightly compiler.
    for unused in ["Cargo.lock", "benches", "examples"] {
        let path = folder.join(unused);
        if path.is_dir() {
            clear(&path)?;
        } else if path.exists() {
            fs::remove_file(&path)?;
        }
    }
    let root = folder.join("src/lib.rs");
    if of.part == Part::Whole && !fs::read_to_string(&manifest)?.contains("\nedition = ") {
        // The edition of 2015 knows a dependency only by this line.
        let source = fs::read_to_string(&root)?;
        fs::write(&root, format!("{source}\nextern crate lif;\n"))?;
    }
    Ok(())
}

/// Rewrites one file.
fn port(of: &Crate, path: &Path) -> Result<(), Trouble> {
    let source = fs::read_to_string(path)?;
    let mut ported = wrap::wrap(&uses::rewrite(&source));
    for (from, to) in of.edits {
        ported = ported.replace(from, to);
    }
    Ok(fs::write(path, ported)?)
}

fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Trouble> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            // Not `fs::copy`, which would keep a read-only file read-only.
            fs::write(to, fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

/// Calls `f` with every Rust file beneath `folder`; there may be no such folder.
fn each_source(
    folder: &Path,
    f: &mut impl FnMut(&Path) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            each_source(&path, f)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            f(&path)?;
        }
    }
    Ok(())
}
