//! The sources of rustc's own `core`: no rustc ships a `core` for eBPF, so it is compiled along with our programs.
//!
//! Tried in this order: the toolchain itself, rustup, the distribution's `rust-src` package of exactly our version.
//! The last is unpacked under target/tools with an apt state of its own; the system's sources, lists and packages
//! are read and never changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::apt_sources::{self, Archive};
use crate::command;
use crate::rustc::Rustc;
use crate::tree::Tree;

/// rustup retries a dead network for minutes; the package below does as well.
const RUSTUP_LIMIT: &str = "30";

/// Suites that carry recent compilers, on top of the backports of the machine's own.
const SUITES: &[&str] = &["trixie-backports", "forky", "forky-backports", "sid"];

/// Where cargo has to look for the sources of `core`.
pub(crate) enum RustSrc {
    /// In the toolchain, where cargo looks anyway.
    InToolchain,
    /// In this folder (the one that holds `core/` and `Cargo.lock`).
    Library(PathBuf),
}

/// Finds the sources; `None`: they have to be fetched.
pub(crate) fn find(tree: &Tree) -> Result<Option<RustSrc>> {
    let rustc = Rustc::of(tree)?;
    if complete(&rustc.library()) {
        return Ok(Some(RustSrc::InToolchain));
    }
    let library = unpacked(tree, &rustc.version);
    Ok(complete(&library).then_some(RustSrc::Library(library)))
}

pub(super) fn fetch(tree: &Tree) -> Result<()> {
    let rustc = Rustc::of(tree)?;
    let version = &rustc.version;
    eprintln!(
        "setup: fetching the sources of rustc {version}'s core (the eBPF programs are compiled with it), once"
    );
    if command::which("rustup").is_some() {
        // Failure is no news: a machine without rustup's network, or a toolchain that is not rustup's.
        let _: Result<String> = command::quiet(
            Command::new("timeout")
                .args([RUSTUP_LIMIT, "rustup", "component", "add", "rust-src"])
                .current_dir(tree.root()),
            "setup: adding rust-src to the toolchain",
        );
        if complete(&rustc.library()) {
            return Ok(());
        }
    }
    for tool in ["apt-get", "dpkg-deb", "tar"] {
        if command::which(tool).is_none() {
            bail!(
                "rust-src {version} is missing: the eBPF programs are compiled together with core; rustup could not \
                 add it and there is no {tool} to take it from a package; mend: `rustup component add rust-src`"
            );
        }
    }
    from_package(tree, version).with_context(|| {
        format!(
            "rust-src {version} is missing: the eBPF programs are compiled together with core; mend: \
             `rustup component add rust-src`, or put the `library` folder of rustc {version}'s sources in {}",
            unpacked(tree, version).display()
        )
    })
}

fn unpacked(tree: &Tree, version: &str) -> PathBuf {
    tree.tools().join("rust-src").join(version).join("library")
}

/// Cargo reads the lock file to resolve `core`'s own workspace.
fn complete(library: &Path) -> bool {
    library.join("Cargo.lock").is_file() && library.join("core/src/lib.rs").is_file()
}

fn from_package(tree: &Tree, version: &str) -> Result<()> {
    let archives = mirrors(apt_sources::of_machine(Path::new("/etc/apt"))?, codename().as_deref());
    ensure!(!archives.is_empty(), "the machine's apt sources name no archive with a `main` component");
    let mut tried = Vec::new();
    for archive in &archives {
        for suite in suites(archive) {
            let apt = PrivateApt::new(&tree.tools().join("apt"), &archive.source_for(&suite))?;
            let found = apt.update().and_then(|()| apt.find(version));
            match found {
                Ok(Some(package)) => {
                    eprintln!("setup: unpacking {package} of {suite}");
                    let deb = apt.download(&package)?;
                    unpack(&deb, version, &unpacked(tree, version))?;
                    return apt.remove();
                }
                Ok(None) => tried.push(format!("{suite}: has no rust-src {version}")),
                Err(error) => tried.push(format!("{suite}: {error:#}")),
            }
        }
    }
    bail!("no suite of the machine's mirror has it:\n  {}", tried.join("\n  "))
}

/// The archives the distribution itself comes from, each once.
fn mirrors(archives: Vec<Archive>, codename: Option<&str>) -> Vec<Archive> {
    let mut candidates: Vec<Archive> = Vec::new();
    for archive in archives {
        let main = archive.components.iter().any(|component| component == "main");
        let security = archive.suites.iter().all(|suite| suite.contains("-security"));
        if main && !security && !candidates.iter().any(|known| known.uri == archive.uri) {
            candidates.push(archive);
        }
    }
    let own = |archive: &Archive| archive.suites.iter().any(|suite| Some(suite.as_str()) == codename);
    if candidates.iter().any(own) {
        candidates.retain(own);
    }
    candidates
}

/// Candidate suites, the small and likely ones first.
fn suites(archive: &Archive) -> Vec<String> {
    let own = archive.suites.iter().filter(|suite| !suite.contains('-'));
    let backports = own.clone().map(|suite| format!("{suite}-backports"));
    let mut suites = Vec::new();
    for suite in SUITES.iter().map(|&suite| suite.to_owned()).chain(backports).chain(own.cloned()) {
        if !suites.contains(&suite) {
            suites.push(suite);
        }
    }
    suites
}

fn codename() -> Option<String> {
    let release = fs::read_to_string("/etc/os-release").ok()?;
    let name = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    Some(name.trim_matches('"').to_owned())
}

/// Whether a package's version is upstream's `release`: `1.95.0+dfsg1-2~bpo13+1` is 1.95.0, `1.95.0~beta.3` is not.
fn is_release(package_version: &str, release: &str) -> bool {
    let upstream = package_version.split_once(':').map_or(package_version, |(_epoch, rest)| rest);
    upstream.strip_prefix(release).is_some_and(|rest| {
        !rest.starts_with(|next: char| next.is_ascii_digit() || next == '.' || next == '~')
    })
}

/// apt with one source and a state of its own; signatures are checked as ever.
struct PrivateApt {
    folder: PathBuf,
}

impl PrivateApt {
    fn new(folder: &Path, source: &str) -> Result<Self> {
        let doing = || format!("making apt's private state in {}", folder.display());
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(doing)?;
        }
        for part in ["state/lists/partial", "cache/archives/partial", "sources", "download"] {
            fs::create_dir_all(folder.join(part)).with_context(doing)?;
        }
        fs::write(folder.join("sources/mirror.sources"), source).with_context(doing)?;
        fs::write(folder.join("state/status"), "").with_context(doing)?;
        Ok(Self { folder: folder.to_path_buf() })
    }

    fn command(&self, program: &str) -> Command {
        let mut apt = Command::new(program);
        let folder = self.folder.display();
        for option in [
            format!("Dir::State={folder}/state"),
            format!("Dir::State::status={folder}/state/status"),
            format!("Dir::Cache={folder}/cache"),
            "Dir::Etc::sourcelist=/dev/null".to_owned(),
            format!("Dir::Etc::sourceparts={folder}/sources"),
            "Acquire::Languages=none".to_owned(),
            // apt's own unprivileged user may not enter the folder the tree is in.
            "APT::Sandbox::User=root".to_owned(),
            "APT::Get::List-Cleanup=false".to_owned(),
        ] {
            apt.args(["-o", &option]);
        }
        apt.current_dir(self.folder.join("download"));
        apt
    }

    fn update(&self) -> Result<()> {
        // Any error: a suite that was not reached or not signed must not pass for one without the package.
        let mut update = self.command("apt-get");
        update.args(["-o", "APT::Update::Error-Mode=any", "--quiet", "update"]);
        command::quiet(&mut update, "reading its package list").map(drop)
    }

    /// `name=version` of the package that has the sources of `release`. Ubuntu has one package a minor version.
    fn find(&self, release: &str) -> Result<Option<String>> {
        let minor = release.rsplit_once('.').map_or(release, |(minor, _)| minor);
        let names = ["rust-src".to_owned(), format!("rust-{minor}-src")];
        let listed =
            command::quiet(self.command("apt-cache").arg("madison").args(&names), "looking for rust-src")?;
        Ok(listed.lines().find_map(|line| {
            let mut columns = line.split('|').map(str::trim);
            let (name, version) = (columns.next()?, columns.next()?);
            is_release(version, release).then(|| format!("{name}={version}"))
        }))
    }

    fn download(&self, package: &str) -> Result<PathBuf> {
        command::quiet(self.command("apt-get").args(["--quiet", "download", package]), "downloading it")?;
        let folder = self.folder.join("download");
        let mut files = fs::read_dir(&folder).with_context(|| format!("listing {}", folder.display()))?;
        let deb = files.find_map(|file| {
            let path = file.ok()?.path();
            path.extension().is_some_and(|extension| extension == "deb").then_some(path)
        });
        deb.with_context(|| format!("apt-get download {package} left no package in {}", folder.display()))
    }

    fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.folder).with_context(|| format!("removing {}", self.folder.display()))
    }
}

/// Takes the `library` folder out of the package and puts it in place whole.
fn unpack(deb: &Path, version: &str, library: &Path) -> Result<()> {
    let doing = format!("unpacking {}", deb.display());
    let inside = format!("usr/src/rustc-{version}/library");
    let scratch = deb.with_extension("unpacked");
    fs::create_dir_all(&scratch).with_context(|| doing.clone())?;
    let mut read = Command::new("dpkg-deb").arg("--fsys-tarfile").arg(deb).stdout(Stdio::piped()).spawn()?;
    let pipe = read.stdout.take().expect("was asked to be a pipe");
    let mut write = Command::new("tar");
    write.args(["--extract", "--no-same-owner", "--directory"]).arg(&scratch).arg(format!("./{inside}"));
    command::run(write.stdin(pipe), &doing)?;
    let status = read.wait().with_context(|| doing.clone())?;
    ensure!(status.success(), "{doing}: dpkg-deb ended with {status}");
    let found = scratch.join(&inside);
    ensure!(complete(&found), "{doing}: it holds no complete {inside}");
    let parent = library.parent().expect("has the version's folder above it");
    fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
    if library.exists() {
        fs::remove_dir_all(library)
            .with_context(|| format!("removing the incomplete {}", library.display()))?;
    }
    fs::rename(&found, library).with_context(|| format!("moving it to {}", library.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(uri: &str, suites: &[&str], components: &[&str]) -> Archive {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Archive { uri: uri.to_owned(), suites: owned(suites), components: owned(components), signed_by: None }
    }

    #[test]
    fn only_the_exact_release_will_do() {
        for version in ["1.95.0", "1.95.0+dfsg1-2", "1.95.0+dfsg1-2~bpo13+1", "2:1.95.0-1", "1.95.0-1~bpo1"] {
            assert!(is_release(version, "1.95.0"), "{version}");
        }
        for version in ["1.95.01", "1.95.0.1", "11.95.0", "1.94.1+dfsg1-1", "1.95.0~beta.3+dfsg1-1", ""] {
            assert!(!is_release(version, "1.95.0"), "{version}");
        }
    }

    #[test]
    fn the_mirror_is_the_distributions_own() {
        let debian = archive("http://mirror.example/debian", &["bookworm", "bookworm-updates"], &["main"]);
        let all = vec![
            archive("http://vendor.example/", &["nodistro"], &["main"]),
            debian.clone(),
            archive("http://mirror.example/security", &["bookworm-security"], &["main"]),
            archive("http://mirror.example/debian", &["bookworm-backports"], &["main"]),
            archive("http://other.example/", &["bookworm"], &["non-free"]),
        ];
        assert_eq!(mirrors(all.clone(), Some("bookworm")), std::slice::from_ref(&debian));
        // An unknown code name: every archive that could be it, the security archive excepted.
        assert_eq!(mirrors(all, None).len(), 2);
        assert_eq!(
            suites(&debian),
            ["trixie-backports", "forky", "forky-backports", "sid", "bookworm-backports", "bookworm"]
        );
    }
}
