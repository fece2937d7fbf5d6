//! The page, as the real programs fill it with what strangers write.

use std::collections::BTreeSet;

use tlsrptd_tests::harness::browser::Browser;

use super::hostile_site::{HostileSite, domain, texts};

/// No page takes more.
const MOST_BYTES: usize = 200_000;

/// The elements of a page, each with the names of its attributes.
fn elements(html: &str) -> BTreeSet<String> {
    let tags = html.split('<').skip(1);
    tags.map(|tag| {
        let tag = tag.split('>').next().unwrap_or_default();
        tag.split('"').step_by(2).collect()
    })
    .collect()
}

#[test]
fn hostile_texts_are_shown_and_harmless() {
    let plain = HostileSite::new(&[
        "mx.plain.example".to_owned(),
        "a reason".to_owned(),
        "third".to_owned(),
        "mx4".to_owned(),
        "5".to_owned(),
        "6".to_owned(),
    ]);
    let mut known = elements(&plain.get("/").body);
    for path in ["/?days=90", "/?days=400"] {
        known.extend(elements(&plain.get(path).body));
    }
    for at in 0..6 {
        known.extend(elements(
            &plain.get(&format!("/domain/{}", domain(at))).body,
        ));
    }
    drop(plain);
    let texts = texts();
    assert_eq!(texts.len(), 300);
    let site = HostileSite::new(&texts);
    let mut shown = 0;
    for path in (0..texts.len())
        .map(|at| format!("/domain/{}", domain(at)))
        .chain(["/", "/?days=90", "/?days=400"].map(str::to_owned))
    {
        let page = site.get(&path);
        assert_eq!(page.status, 200, "{path}: {}", page.body);
        let unknown: Vec<String> = elements(&page.body).difference(&known).cloned().collect();
        assert!(unknown.is_empty(), "{path}: {unknown:?}: {}", page.body);
        // What ends lines in JSON text is ours.
        let hidden: Vec<char> = page
            .body
            .chars()
            .filter(|c| *c != '\n' && is_hidden(*c))
            .collect();
        assert!(hidden.is_empty(), "{path}: {hidden:?}");
        assert!(
            page.body.len() < MOST_BYTES,
            "{path}: {} bytes",
            page.body.len()
        );
        shown += usize::from(page.body.contains("What it means, and what to do"));
    }
    assert_eq!(
        shown,
        texts.len(),
        "each domain's page says what its failure means"
    );
    let page = site.get(&format!("/domain/{}", domain(0))).body;
    for part in [
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "DANE",
        "tlsrpt@d000.example",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let page = site.get(&format!("/domain/{}", domain(3))).body;
    assert!(
        page.contains("\\u{202e}&lt;script&gt;"),
        "a direction override is shown by its number: {page}"
    );
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}' | '\u{3164}')
}

/// Links are followed; pages are looked at narrow and wide, light and dark.
#[test]
fn a_browser_and_those_who_judge_pages_find_nothing_wrong() {
    let Some(browser) = Browser::or_skip() else {
        return;
    };
    let texts = texts();
    let site = HostileSite::new(&texts[..60]);
    let found = browser.browse(
        &format!("http://{}/", site.statusd.address),
        HostileSite::pictures().as_deref(),
    );
    assert!(found.problems.is_empty(), "{:#?}", found.problems);
    let opened: Vec<&str> = found.pages.iter().map(|(path, _)| path.as_str()).collect();
    for path in ["/", "/?days=90", "/?days=400"] {
        assert!(opened.contains(&path), "{opened:?}");
    }
    let domains = opened
        .iter()
        .filter(|path| path.starts_with("/domain/"))
        .count();
    assert!(domains >= 10, "{opened:?}");
    for (path, bytes) in &found.pages {
        assert!(*bytes < MOST_BYTES as u64, "{path}: {bytes} bytes");
    }
}
