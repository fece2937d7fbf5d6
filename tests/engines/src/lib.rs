//! For tests of the reporter's store: each is written once and runs on each engine.

use proc_macro::{TokenStream, TokenTree};

/// In place of `#[test]`: the function `NAME` becomes the tests `NAME::sqlite` and `NAME::postgres`. An `async` one runs on a
/// virtual clock. What an engine is to a test, and how one is skipped, is in `reporter/tests/environment/engine.rs`.
#[proc_macro_attribute]
pub fn each_engine(_: TokenStream, function: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = function.clone().into_iter().collect();
    let word = |at: usize| match tokens.get(at) {
        Some(TokenTree::Ident(word)) => word.to_string(),
        _ => String::new(),
    };
    let at = (0..tokens.len()).find(|at| word(*at) == "fn");
    let Some((at, name)) = at.map(|at| (at, word(at + 1))) else {
        return r#"compile_error!("each_engine stands before a function");"#
            .parse()
            .unwrap_or_default();
    };
    let runs = match at > 0 && word(at - 1) == "async" {
        true => "test_on_virtual_clock",
        false => "test",
    };
    let engine = |engine: &str| {
        format!(
            "#[test] fn {}() {{ crate::environment::Engine::{engine}.{runs}(super::{name}) }}",
            engine.to_lowercase()
        )
    };
    let tests = format!(
        "mod {name} {{ {} {} }}",
        engine("Sqlite"),
        engine("Postgres")
    );
    let tests: TokenStream = tests.parse().unwrap_or_default();
    function.into_iter().chain(tests).collect()
}
