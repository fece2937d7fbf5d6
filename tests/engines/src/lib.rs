//! For tests of the reporter's store: each is written once and runs on each engine.

use proc_macro::{TokenStream, TokenTree};

/// In place of `#[test]`: the function `NAME` becomes the tests `NAME::sqlite` and `NAME::postgres`. An `async` one runs on a
/// virtual clock. What an engine is to a test, and how one is skipped, is in `reporter/tests/environment/engine.rs`.
///
/// `#[each_engine(long)]`: the virtual time that passes is so long that on PostgreSQL, where each step is several round trips
/// to a server, it takes minutes. There it is ignored, by name, unless asked for with `--include-ignored`.
#[proc_macro_attribute]
pub fn each_engine(options: TokenStream, function: TokenStream) -> TokenStream {
    let is_long = match options.to_string().as_str() {
        "" => false,
        "long" => true,
        _ => {
            let error = r#"compile_error!("each_engine knows one option: long");"#;
            return error.parse().unwrap_or_default();
        }
    };
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
        let ignored = match is_long && engine == "Postgres" {
            true => r#"#[ignore = "takes minutes on PostgreSQL"]"#,
            false => "",
        };
        format!(
            "#[test] {ignored} fn {}() {{ crate::environment::Engine::{engine}.{runs}(super::{name}) }}",
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
