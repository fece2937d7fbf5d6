//! Files that are made where others may write too: a planted link leads nowhere, and the umask decides nothing: what is for all
//! to read is readable for all, and nothing else is.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use nix::libc::{ELOOP, ENXIO, O_NOFOLLOW, O_NONBLOCK};
use tlsrptd_config::paths::{self, is_special};

/// Owner and group at most may read what these files say.
const MODE: u32 = 0o640;
/// A monitoring system runs as another user.
const MODE_FOR_ALL: u32 = 0o644;

/// Device and inode: another file of the same name has another identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileIdentity {
    /// The device's number.
    pub device: u64,
    /// The inode's number.
    pub inode: u64,
}

impl FileIdentity {
    /// That of the file to which a path leads.
    ///
    /// # Errors
    /// When nothing is there, or it cannot be looked at.
    pub fn of(path: impl AsRef<Path>) -> io::Result<FileIdentity> {
        fs::metadata(path).map(|found| FileIdentity::from(&found))
    }
}

impl From<&fs::Metadata> for FileIdentity {
    fn from(found: &fs::Metadata) -> FileIdentity {
        FileIdentity {
            device: found.dev(),
            inode: found.ino(),
        }
    }
}

/// Makes a new file for writing and removes what is there: a link is not followed, and a file with other names keeps its
/// content. In a directory where nothing can be removed, the file itself is emptied.
///
/// # Errors
/// When the file cannot be made, or what is there is not a plain file. A pipe without a reader is an error, not a wait.
pub fn make_anew(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(O_NONBLOCK);
    if is_special(path) {
        return options.open(path).map_err(is_other);
    }
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(_) => return emptied(path),
    }
    // If somebody has put something there meanwhile, this fails.
    options.create_new(true).mode(MODE).open(path)
}

/// Writes a whole file for everybody to read, which nobody ever sees half written. It replaces what is there, also a link.
///
/// # Errors
/// When the file, or the one beside it whose name has `.new` at its end, cannot be made. Nothing is left of that one then.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    if is_special(path) {
        return make_anew(path)?.write_all(content);
    }
    let new = paths::beside(path, ".new");
    let mut file = make_anew(&new)?;
    let written = file
        .write_all(content)
        .and_then(|()| file.set_permissions(Permissions::from_mode(MODE_FOR_ALL)))
        .and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // That it cannot be removed either is not worth more words than the first error.
        let _ = fs::remove_file(&new);
    }
    written
}

/// Opens a file with these options, and makes it if it is missing.
///
/// # Errors
/// When it cannot be opened or made, or is a link. A pipe without a reader is an error, not a wait, and so is a full pipe
/// when it is written to.
pub fn open_plainly(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options
        .create(true)
        .mode(MODE)
        .custom_flags(O_NOFOLLOW | O_NONBLOCK)
        .open(path)
        .map_err(is_other)
}

/// Removes a file of ours; a device stays.
///
/// # Errors
/// When it cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    if is_special(path) {
        return Ok(());
    }
    fs::remove_file(path)
}

fn emptied(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(O_NOFOLLOW | O_NONBLOCK);
    let file = options.open(path).map_err(is_other)?;
    let found = file.metadata()?;
    if !found.is_file() || found.nlink() != 1 {
        return Err(io::Error::other(
            "it is not a plain file, or has a second name (allowed: a plain file with one name)",
        ));
    }
    file.set_len(0)?;
    Ok(file)
}

/// The kernel's error in words that name the cause.
fn is_other(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(ELOOP) => {
            io::Error::other("it is a link, and links are not followed (allowed: a file)")
        }
        Some(ENXIO) => io::Error::other("it is a pipe without a reader (allowed: a file)"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileTypeExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    /// Each way to write, at a place where a link, a second name or an open file is.
    #[test]
    fn nothing_planted_is_written_to() {
        type Write = fn(&Path) -> io::Result<()>;
        let anew: Write = |path| make_anew(path)?.write_all(b"ours");
        let replaced: Write = |path| replace(path, b"ours");
        let appended: Write =
            |path| open_plainly(OpenOptions::new().append(true), path)?.write_all(b"ours");
        for (write, follows_no_link, others, why) in [
            (anew, true, 0, "made anew"),
            (replaced, true, 0o4, "replaced"),
            (appended, false, 0, "appended"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            fs::write(at("victim"), "theirs").unwrap();
            symlink(at("victim"), at("link")).unwrap();
            symlink(at("nothing"), at("dangling")).unwrap();
            symlink(at("victim"), at("plain.new")).unwrap();
            for link in ["link", "dangling"] {
                let written = write(&at(link));
                assert_eq!(written.is_ok(), follows_no_link, "{why}: {link}");
                if let Err(error) = written {
                    assert!(error.to_string().contains("is a link"), "{why}: {error}");
                }
            }
            write(&at("plain")).unwrap();
            assert_eq!(fs::read(at("victim")).unwrap(), b"theirs", "{why}");
            assert!(!at("nothing").exists(), "{why}");
            assert_eq!(fs::read(at("plain")).unwrap(), b"ours", "{why}");
            assert_eq!(mode(&at("plain")) & 0o137, others, "{why}");
            if follows_no_link {
                fs::write(at("theirs"), "theirs").unwrap();
                fs::set_permissions(at("theirs"), fs::Permissions::from_mode(0o666)).unwrap();
                fs::hard_link(at("theirs"), at("second name")).unwrap();
                write(&at("second name")).unwrap();
                assert_eq!(
                    fs::read(at("theirs")).unwrap(),
                    b"theirs",
                    "{why}: another name"
                );
                assert_eq!(
                    mode(&at("second name")) & 0o137,
                    others,
                    "{why}: its mode is ours"
                );
            }
        }
    }

    #[test]
    fn nothing_is_left_of_what_cannot_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"ours").is_err(), "a folder is there");
        let names = fs::read_dir(folder.path()).unwrap();
        let names: Vec<_> = names.map(|it| it.unwrap().file_name()).collect();
        assert_eq!(names, ["taken"]);
    }

    #[test]
    fn a_pipe_without_a_reader_is_no_wait() {
        type Write = fn(&Path) -> io::Result<()>;
        let replaced: Write = |path| replace(path, b"x");
        let anew: Write = |path| make_anew(path)?.write_all(b"x");
        let appended: Write =
            |path| open_plainly(OpenOptions::new().append(true), path)?.write_all(b"x");
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for (write, why) in [
            (replaced, "replaced"),
            (anew, "made anew"),
            (appended, "appended"),
        ] {
            let error = write(&pipe).unwrap_err().to_string();
            assert!(error.contains("without a reader"), "{why}: {error}");
        }
    }

    /// All users may write to `/dev/shm`.
    #[test]
    fn shared_memory_is_a_place_for_files() {
        type Write = fn(&Path) -> io::Result<()>;
        let replaced: Write = |path| replace(path, b"ours");
        let anew: Write = |path| make_anew(path)?.write_all(b"ours");
        for (write, why) in [(replaced, "replaced"), (anew, "made anew")] {
            let folder = tempfile::tempdir_in("/dev/shm").unwrap();
            let at = |name: &str| folder.path().join(name);
            write(&at("missing")).expect(why);
            fs::write(at("longer"), "more than ours").unwrap();
            write(&at("longer")).expect(why);
            fs::write(at("victim"), "theirs").unwrap();
            symlink(at("victim"), at("link")).unwrap();
            write(&at("link")).expect(why);
            for (name, want) in [
                ("missing", "ours"),
                ("longer", "ours"),
                ("link", "ours"),
                ("victim", "theirs"),
            ] {
                assert_eq!(fs::read_to_string(at(name)).unwrap(), want, "{why}: {name}");
            }
            remove(&at("missing")).unwrap();
            assert!(!at("missing").exists(), "{why}");
        }
    }

    #[test]
    fn devices_stay() {
        for write in [
            |path: &Path| replace(path, b"x"),
            |path: &Path| make_anew(path)?.write_all(b"x"),
        ] {
            write(Path::new("/dev/null")).unwrap();
        }
        remove(Path::new("/dev/null")).unwrap();
        assert!(
            fs::metadata("/dev/null")
                .unwrap()
                .file_type()
                .is_char_device()
        );
    }
}
