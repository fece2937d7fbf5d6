//! The whole of a delivery, by scheme.

use super::*;

async fn attempt(options: &[(&str, &str)], uri: &str) -> Outcome {
    let deliverer = Deliverer::prepare(&fixtures::settings(options)).unwrap();
    let (mail, progress) = (PreparedMail::default(), Progress::default());
    deliverer
        .attempt(&fixtures::delivery(uri), &mail, &progress)
        .await
}

#[tokio::test]
async fn schemes() {
    #[rustfmt::skip]
    let rows = [
        ("mailto:a@x.example", "sent", "mail"),
        ("MAILTO:a@x.example", "sent", "schemes have no case"),
        ("mailto:a", "unsendable", "no address"),
        ("https://h.example/", "sent", "post"),
        ("http://h.example/", "unknown", "never in plain"),
        ("http://debug.example/", "sent", "but where the debug option says so"),
        ("ftp://h.example/", "unknown", "what a map may have made"),
        ("no scheme", "unknown", "nor this"),
        ("", "unknown", "nor nothing"),
        ("directory:relative", "unsendable", "no absolute path"),
    ];
    let options = [
        ("sendmail_script", "true"),
        ("http_script", "true"),
        ("debug_send_http_dest", "http://debug.example/"),
    ];
    for (uri, expected, why) in rows {
        let outcome = attempt(&options, uri).await;
        assert_eq!(fixtures::outcome_name(&outcome), expected, "{uri}: {why}");
    }
}

#[tokio::test]
async fn scripts_and_copies_get_the_same_bytes_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (mail, post) = (path("mail"), path("post"));
    let mail_script = format!("cat > {}", mail.display());
    let http_script = format!("cat > {}; true", post.display());
    let copies = path("copies");
    std::fs::create_dir(&copies).unwrap();
    let options = [
        ("sendmail_script", mail_script.as_str()),
        ("http_script", http_script.as_str()),
        ("debug_send_file_dest", copies.to_str().unwrap()),
    ];
    let mut seen = Vec::new();
    for _ in 0..2 {
        attempt(&options, "mailto:a@x.example").await;
        attempt(&options, "https://h.example/").await;
        seen.push((std::fs::read(&mail).unwrap(), std::fs::read(&post).unwrap()));
    }
    assert_eq!(seen[0], seen[1]);
    let start = "testreport-example.com-2026-11-20_idx7-0123456789abcdef-";
    let copy = std::fs::read(copies.join(format!("{start}THE_EMAIL_TO_a@x.example.json"))).unwrap();
    assert_eq!(
        String::from_utf8(copy)
            .unwrap()
            .replace("\r\n", "\n")
            .as_bytes(),
        seen[0].0
    );
    assert!(
        copies
            .join(format!("{start}https:__h.example_.json"))
            .exists()
    );
}

#[test]
fn what_is_wrong_is_said_at_start() {
    #[rustfmt::skip]
    let rows = [
        (vec![("contact_info", "Name <a@x.example>")], "contact_info: "),
        (vec![("sender_address", "nobody")], "sender_address: "),
        (vec![("bcc_address", "a b@x")], "bcc_address: "),
        (vec![("debug_send_mail_dest", "mailto:nobody")], "debug_send_mail_dest: "),
        (vec![("debug_send_http_dest", "nowhere")], "debug_send_http_dest: "),
        (vec![("debug_send_http_dest", "ftp://x.example/")], "debug_send_http_dest: ftp is not HTTP"),
        (vec![("dkim_domain", "a..b")], "dkim_domain: "),
        (vec![("dkim_keys", "s:/nonexistent/key")], "DKIM key /nonexistent/key: cannot be read: "),
        (vec![("mail_transport", "smtp://127.0.0.1"), ("mail_user", "u"), ("mail_password_file", "/nonexistent")], "mail_password_file /nonexistent: cannot be read: "),
        (vec![("https_proxy", "http://[")], "https_proxy: "),
        (vec![("https_ca_file", "/dev/null")], "https_ca_file /dev/null: holds no certificate"),
    ];
    for (options, expected) in rows {
        let Some(settings) = fixtures::try_settings(&options) else {
            continue;
        };
        let errors = Deliverer::prepare(&settings).unwrap_err();
        assert_eq!(errors.len(), 1, "{options:?}: {errors:?}");
        let error = errors[0].to_string();
        assert!(error.starts_with(expected), "{options:?}: {error}");
        assert!(errors[0].is_configuration(), "{options:?}");
    }
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() {
    let settings = fixtures::settings(&[
        ("sender_address", "a..b@x.example"),
        ("bcc_address", "a..b@y.example"),
        ("dkim_keys", "s:/nonexistent/key"),
        ("https_ca_file", "/nonexistent/ca"),
    ]);
    let errors = Deliverer::prepare(&settings).unwrap_err();
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    for (error, option) in told.iter().zip([
        "sender_address: ",
        "bcc_address: ",
        "DKIM key /nonexistent/key: ",
        "https_ca_file /nonexistent/ca: ",
    ]) {
        assert!(error.starts_with(option), "{error}");
    }
    assert_eq!(told.len(), 4, "{told:?}");
}
