//! Matches with the answers beside them, and the answers of another engine, `regress`, for patterns drawn by a seed.
#![forbid(unsafe_code)]

use super::{Flags, MatchError, Regexp, Scratch, Subject};

fn flags(text: &str) -> Flags {
    Flags {
        ignore_case: text.contains('i'),
        multiline: text.contains('m'),
        dot_all: text.contains('s'),
        unicode: text.contains('u'),
        unicode_sets: text.contains('v'),
    }
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn regexp(pattern: &str, text: &str) -> Regexp {
    Regexp::new(&units(pattern), flags(text)).unwrap_or_else(|error| panic!("/{pattern}/{text}: {error}"))
}

type Groups = Option<Vec<Option<(usize, usize)>>>;

fn find(regexp: &Regexp, subject: Subject<'_>) -> Groups {
    let mut scratch = Scratch::default();
    let found = regexp.find(subject, 0, false, &mut scratch, &mut || false).expect("an end");
    found.then(|| (0..regexp.group_count()).map(|group| scratch.group(group)).collect())
}

/// What is found: the groups' texts with commas, `-` for one that took no part, or `no`.
fn found(pattern: &str, text: &str, subject: &str) -> String {
    let regexp = regexp(pattern, text);
    let wide = units(subject);
    let groups = find(&regexp, Subject::Utf16(&wide));
    if let Ok(bytes) = wide.iter().map(|&unit| u8::try_from(unit)).collect::<Result<Vec<u8>, _>>() {
        assert_eq!(find(&regexp, Subject::Latin1(&bytes)), groups, "/{pattern}/{text}");
    }
    let Some(groups) = groups else { return "no".to_owned() };
    let part =
        |place: &Option<(usize, usize)>| place.map_or("-".to_owned(), |(start, end)| String::from_utf16_lossy(&wide[start..end]));
    groups.iter().map(part).collect::<Vec<_>>().join(",")
}

#[test]
fn matches() {
    for (pattern, flags, subject, answer) in [
        ("a|ab", "", "abc", "a"),
        ("((a)|(ab))((c)|(bc))", "", "abc", "abc,a,a,-,bc,-,bc"),
        ("(z)((a+)?(b+)?(c))*", "", "zaacbbbcac", "zaacbbbcac,z,ac,a,-,c"),
        ("(a*)*", "", "b", ",-"),
        ("(?=(a+))a*b\\1", "", "baaabac", "aba,a"),
        ("(.*?)a(?!(a+)b\\2c)\\2(.*)", "", "baaabaac", "baaabaac,ba,-,abaac"),
        ("(a*)b\\1+", "", "baaaac", "b,"),
        ("(?:a|b)+?c", "", "xabac", "abac"),
        ("^(?:(a)|(b)|(c))*$", "", "abca", "abca,a,-,-"),
        ("(?<=(\\d+)(\\d+))$", "", "1053", ",1,053"),
        ("(?<=\\1(a))b", "", "aab", "b,a"),
        ("(?<!a)b", "", "abcb", "b"),
        ("(?:){3,5}x", "", "x", "x"),
        ("(?:a?){2,3}b", "", "aaab", "aaab"),
        ("(?:ab){2,300}", "", "abababx", "ababab"),
        ("(?:abcdefghij|k){20}", "", "kkkkkkkkkkkkkkkkkkkkk", "kkkkkkkkkkkkkkkkkkkk"),
        ("(?:(a)|b){10,}?c", "", "aaaaabaaaabbc", "aaaaabaaaabbc,-"),
        ("x*?y", "", "xxy", "xxy"),
        ("[^]", "", "\n", "\n"),
        ("[]", "", "a", "no"),
        (".", "", "\u{2028}", "no"),
        ("a.c", "s", "a\nc", "a\nc"),
        ("^b$", "m", "a\nb\nc", "b"),
        ("\\bfoo\\B", "", "foo food", "foo"),
        ("ſ", "i", "s", "no"),
        ("ſ", "iu", "S", "S"),
        ("[^x]", "iu", "X", "no"),
        ("\\w", "iu", "\u{17f}", "\u{17f}"),
        ("\\W", "iu", "s", "no"),
        ("ß", "iu", "ẞ", "ẞ"),
        ("ß", "i", "ẞ", "no"),
        ("σ", "i", "ς", "ς"),
        ("(?i:a)b", "", "Ab", "Ab"),
        ("(?i:a)b", "", "AB", "no"),
        ("(?-i:a)b", "i", "AB", "no"),
        ("\u{1f600}{2}", "u", "\u{1f600}\u{1f600}", "\u{1f600}\u{1f600}"),
        ("^.$", "u", "\u{1f600}", "\u{1f600}"),
        ("^.$", "", "\u{1f600}", "no"),
        ("\\ud83d", "u", "\u{1f600}", "no"),
        ("(?<=\u{1f600})x", "u", "\u{1f600}x", "x"),
        (".*x", "u", "\u{1f600}\u{1f600}x\u{1f600}", "\u{1f600}\u{1f600}x"),
        ("(?<a>x)|(?<a>y)\\k<a>", "", "yy", "yy,-,y"),
        ("\\k<a>", "", "k<a>", "k<a>"),
        ("\\1(a)", "", "a", "a,a"),
        ("\\8\\12a", "", "8\na", "8\na"),
        ("[\\c_]", "", "\u{1f}", "\u{1f}"),
        ("\\c", "", "\\c", "\\c"),
        ("a{,2}", "", "a{,2}", "a{,2}"),
        ("x{2}{", "", "xx{", "xx{"),
        ("[a-\\d]+", "", "a-5", "a-5"),
        ("\\p{Lu}", "u", "aÄ", "Ä"),
        ("\\P{L}", "u", "ab1", "1"),
        ("\\p{Script=Greek}", "u", "aβ", "β"),
        ("[\\w--[a-y]]+", "v", "xyz_", "z_"),
        ("[\\p{L}&&\\p{ASCII}]+", "v", "äbc", "bc"),
        ("[\\q{abc|a|}x]", "v", "abcd", "abc"),
        ("^\\p{RGI_Emoji}$", "v", "👨‍👩‍👧", "👨‍👩‍👧"),
        ("[^a]", "vi", "A", "no"),
    ] {
        assert_eq!(found(pattern, flags, subject), answer, "/{pattern}/{flags} on {subject:?}");
    }
}

#[test]
fn early_errors() {
    for (pattern, text) in [
        ("(", ""),
        (")", ""),
        ("*", ""),
        ("a**", ""),
        ("a{2,1}", ""),
        ("{1}", ""),
        ("[b-a]", ""),
        ("[", ""),
        ("\\", ""),
        ("^*", ""),
        ("(?<=a)*", ""),
        ("(?=a)*", "u"),
        ("(?<a>x)(?<a>y)", ""),
        ("(?<1>x)", ""),
        ("(?<a>x)\\k<b>", ""),
        ("(?<a>x)\\k", ""),
        ("(?ii:a)", ""),
        ("(?-:a)", ""),
        ("(?i-i:a)", ""),
        ("\\1", "u"),
        ("\\-", "u"),
        ("{", "u"),
        ("]", "u"),
        ("a{", "u"),
        ("\\u{110000}", "u"),
        ("\\ud83", "u"),
        ("\\p{Foo}", "u"),
        ("\\p{RGI_Emoji}", "u"),
        ("[\\d-a]", "u"),
        ("\\c", "u"),
        ("[a--b--]", "v"),
        ("[a&&b--c]", "v"),
        ("[(]", "v"),
        ("[&&]", "v"),
        ("[^\\q{ab}]", "v"),
        ("\\P{RGI_Emoji}", "v"),
    ] {
        assert!(Regexp::new(&units(pattern), flags(text)).is_err(), "/{pattern}/{text}");
    }
    let deep = "(".repeat(10_000) + &")".repeat(10_000);
    assert!(Regexp::check(&units(&deep), Flags::default()).is_err());
    let nested = "(?:".repeat(200) + "a" + &"b)+".repeat(200);
    assert!(Regexp::new(&units(&nested), Flags::default()).is_ok());
}

#[test]
fn a_match_that_takes_for_ever_can_be_ended() {
    let regexp = regexp("^(a+)+$", "");
    let subject = "a".repeat(60) + "b";
    let mut polls = 0;
    let mut poll = || {
        polls += 1;
        polls == 10
    };
    let result = regexp.find(Subject::Latin1(subject.as_bytes()), 0, false, &mut Scratch::default(), &mut poll);
    assert_eq!((result, polls), (Err(MatchError::Interrupted), 10));
}

#[test]
fn the_stack_is_bounded() {
    let regexp = regexp("^(?:(a)|.)*$", "");
    let subject = "ab".repeat(3_000_000) + "\n";
    let mut scratch = Scratch::default();
    let result = regexp.find(Subject::Latin1(subject.as_bytes()), 0, false, &mut scratch, &mut || false);
    assert_eq!(result, Err(MatchError::TooComplex));
    assert!(regexp.find(Subject::Latin1(b"ab"), 0, false, &mut scratch, &mut || false).expect("short"));
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % limit
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn pattern(&mut self, depth: usize) -> String {
        let mut text = String::new();
        for _ in 0..=self.below(3) {
            let part = match self.below(if depth == 0 { 5 } else { 9 }) {
                0 | 1 => self.of(&["a", "b", "A", "é", "_", " ", "ab", "ba"]).to_owned(),
                2 => self.of(&[".", "\\w", "\\d", "\\s", "\\W", "[ab]", "[^a]", "[a-z_]", "[^\\s]", "[A\\d]"]).to_owned(),
                3 => self.of(&["^", "$", "\\b", "\\B", "\\1", "\\2", "(?:)"]).to_owned(),
                4 => self.of(&["a+", "b*", "a?", ".*", ".+?", "[ab]{2}", "\\w{1,2}", "b*?", "[^b]*", "\\w+"]).to_owned(),
                5 => format!("({})", self.pattern(depth - 1)),
                6 => format!("(?:{}|{})", self.pattern(depth - 1), self.pattern(depth - 1)),
                7 => format!("({})", self.of(&["?=", "?!", "?<=", "?<!"]).to_owned() + &self.pattern(depth - 1)),
                _ => {
                    let body = format!("{}{})", self.of(&["(", "(?:"]), self.pattern(depth - 1));
                    body + self.of(&["*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,}", "{2,3}?"])
                }
            };
            text += &part;
        }
        text
    }
}

/// A drawn pattern of which the other engine does not see that `1b_1` has a match.
const WRONG: &str = r"(\B(?:_){0,2}\1){2,3}?(?<!\w{1,2} .+?)_";

#[test]
fn another_engine_agrees() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut compared = 0;
    for _ in 0..6000 {
        let pattern = random.pattern(2);
        let text = random.of(&["", "", "i", "m", "s", "u", "iu"]);
        let (Ok(ours), Ok(theirs)) =
            (Regexp::new(&units(&pattern), flags(text)), regress::Regex::from_unicode(pattern.chars().map(u32::from), text))
        else {
            let both = [Regexp::new(&units(&pattern), flags(text)).is_err(), regress::Regex::with_flags(&pattern, text).is_err()];
            assert_eq!(both, [true, true], "/{pattern}/{text}");
            continue;
        };
        for _ in 0..4 {
            let subject: String =
                (0..random.below(9)).map(|_| random.of(&["a", "b", "A", "B", "é", "_", " ", "\n", "1"])).collect();
            let wide = units(&subject);
            // What takes long here would take long there, where nothing ends it.
            let (mut polls, mut scratch) = (0, Scratch::default());
            let mut poll = || {
                polls += 1;
                polls > 1
            };
            if ours.find(Subject::Utf16(&wide), 0, false, &mut scratch, &mut poll).is_err() {
                continue;
            }
            let theirs = match text.contains('u') {
                true => theirs.find_from_utf16(&wide, 0).next(),
                false => theirs.find_from_ucs2(&wide, 0).next(),
            };
            let theirs: Groups =
                theirs.map(|found| found.groups().map(|range| range.map(|range| (range.start, range.end))).collect());
            let narrow: Vec<u8> = wide.iter().map(|&unit| unit as u8).collect();
            let answer = find(&ours, Subject::Utf16(&wide));
            assert_eq!(find(&ours, Subject::Latin1(&narrow)), answer, "/{pattern}/{text} on {subject:?}");
            if pattern != WRONG {
                assert_eq!(answer, theirs, "/{pattern}/{text} on {subject:?}");
            }
            compared += 1;
        }
    }
    assert!(compared > 10_000, "{compared}");
}
