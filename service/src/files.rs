//! Files that we make where others may write too: no link that somebody planted leads us elsewhere, and no umask makes
//! them readable for all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use nix::libc::{ELOOP, ENXIO, O_NOFOLLOW, O_NONBLOCK};

/// What these files say is for us and our group at most.
const MODE: u32 = 0o640;

/// A fresh file in place of what is there, for writing. A link is taken away, not followed; so is a file that has other
/// names. In a directory where nothing can be taken away the file itself is emptied.
///
/// # Errors
/// When the file cannot be made, or something is there that is no file of ours. A pipe without a reader is an error, no wait.
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
    // Whoever was quicker to put something there is not written to.
    options.create_new(true).mode(MODE).open(path)
}

/// Writes a whole file, which is never seen half written: it takes the place of what is there, be it a link.
///
/// # Errors
/// When the file, or the one of this name and `.new` beside it, cannot be made.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    if is_special(path) {
        return make_anew(path)?.write_all(content);
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    make_anew(Path::new(&name))?.write_all(content)?;
    fs::rename(&name, path)
}

/// A file to append to, or to use as it is.
///
/// # Errors
/// When it cannot be opened or made, or is a link. A pipe without a reader is an error, no wait, and so is one that is full
/// when it is written to.
pub fn open_plainly(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options
        .create(true)
        .mode(MODE)
        .custom_flags(O_NOFOLLOW | O_NONBLOCK)
        .open(path)
        .map_err(is_other)
}

/// Takes a file of ours away; a device stays.
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
            "it is no file of its own (allowed: a file without other names)",
        ));
    }
    file.set_len(0)?;
    Ok(file)
}

/// A device or a pipe, or a link to one by way of `/dev` or `/proc`: nothing to take away.
fn is_special(path: &Path) -> bool {
    if ["/dev", "/proc"].iter().any(|at| path.starts_with(at)) {
        return true;
    }
    fs::symlink_metadata(path).is_ok_and(|found| {
        let kind = found.file_type();
        kind.is_char_device() || kind.is_block_device() || kind.is_fifo()
    })
}

/// What the kernel says in other words.
fn is_other(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(ELOOP) => {
            io::Error::other("it is a link, and links are not followed (allowed: a file)")
        }
        Some(ENXIO) => io::Error::other("it is a pipe that nobody reads (allowed: a file)"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

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
        for (write, follows_no_link, why) in [
            (anew, true, "made anew"),
            (replaced, true, "replaced"),
            (appended, false, "appended"),
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
            assert_eq!(mode(&at("plain")) & 0o137, 0, "{why}");
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
                    0,
                    "{why}: its mode is ours"
                );
            }
        }
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
            assert!(error.contains("nobody reads"), "{why}: {error}");
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
