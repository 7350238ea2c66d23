//! What the README claims, as far as tests hold it against the program.

/// The capabilities that it says suffice without root.
pub fn capabilities(readme: &str) -> Vec<&str> {
    let paragraphs = readme.split("\n\n");
    let claim = paragraphs.into_iter().find(|text| text.starts_with("Run it as root, or with"));
    let words = claim.unwrap_or_default().split('`');
    words.filter(|word| word.starts_with("CAP_")).collect()
}
