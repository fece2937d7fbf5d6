//! Returned mails: whatever comes is read within bounds, what is said of it is safe to print, and a forward of a mail says what
//! the mail says.

use tlsrptd_config::visible;
use tlsrptd_reporter::bounce::{MAX_RECIPIENTS, NoBounce, ReturnedMail, read};

/// The bytes are a mail.
pub fn check(bytes: &[u8]) {
    let found = read(bytes);
    if let Ok(mail) = &found {
        is_bounded_and_safe(mail);
    }
    // Cut off anywhere, as by a limit of its size.
    let half = &bytes[..bytes.len() / 2];
    if let Ok(mail) = read(half) {
        is_bounded_and_safe(&mail);
    }
    if let (Ok(mail), Some(forward)) = (&found, forward(bytes)) {
        match read(&forward) {
            Ok(again) => {
                assert_eq!(mail.recipients, again.recipients);
                assert_eq!(mail.omitted, again.omitted);
                let missing = mail.tags.iter().find(|tag| !again.tags.contains(tag));
                assert!(missing.is_none() || again.tags.len() > 20, "{missing:?}");
            }
            Err(NoBounce::TooNested) => {}
            Err(other) => panic!("forwarded: {other}"),
        }
    }
}

fn is_bounded_and_safe(mail: &ReturnedMail) {
    assert!((1..=MAX_RECIPIENTS).contains(&mail.recipients.len()));
    assert!(mail.omitted == 0 || mail.recipients.len() == MAX_RECIPIENTS);
    assert!(mail.tags.len() <= 32 && mail.tags.iter().all(|tag| tag.len() <= 400));
    for recipient in &mail.recipients {
        let texts = [&recipient.address, &recipient.original, &recipient.remote];
        let texts = texts.into_iter().flatten().chain([&recipient.reason]);
        for text in texts {
            assert!(text.chars().count() <= 400, "{text}");
            assert_eq!(visible::text(text), *text);
        }
        let shown = recipient.to_string();
        assert!(!shown.is_empty() && shown.chars().count() <= 800);
        // Whatever it speaks of.
        let _ = recipient.speaks_of();
    }
}

/// The mail as the attachment of another; `None` where that would reach a limit of nesting or parts, or end at the mail's own lines.
fn forward(mail: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(mail).to_ascii_lowercase();
    let count = |words: &str| text.matches(words).count();
    let is_deep = count("content-type") > 6 || count("--") > 50;
    let ends_itself = count("--=_forward") > 0 || mail.ends_with(b"\r");
    let forward = [
        &b"To: postmaster@sender.example\nContent-Type: multipart/mixed; boundary=\"=_forward\"\n\n--=_forward\n\
           Content-Type: message/rfc822\n\n"[..],
        mail,
        b"\n--=_forward--\n",
    ];
    (!is_deep && !ends_itself).then(|| forward.concat())
}
