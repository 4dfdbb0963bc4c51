//! Arithmetic and comparisons: `iw_div_2`, `$size_mul_3`, `w_gt_300_and_!sale!_in_tags`.
//!
//! `pow` binds tighter than `mul`, `div` and `mod`, these tighter than `add` and `sub`; of equals the left one comes
//! first. There are no parentheses. `and` binds tighter than `or`.

use std::collections::BTreeMap;

use super::numbers::number;

/// What an expression can ask for.
#[derive(Debug, Clone, Default)]
pub struct Scope<'a> {
    /// Width and height of the picture as it is now, in pixels.
    pub size: (u32, u32),
    /// Width and height of the original, in pixels.
    pub initial_size: (u32, u32),
    /// Pages or frames of the original.
    pub pages: u32,
    /// The page that is shown, from 1.
    pub page: u32,
    /// Faces in the original.
    pub faces: usize,
    /// The tags of the asset.
    pub tags: &'a [String],
    /// The context of the asset.
    pub context: Option<&'a BTreeMap<String, String>>,
    /// The structured metadata of the asset.
    pub metadata: Option<&'a BTreeMap<String, String>>,
    /// The variables that were set so far.
    pub variables: BTreeMap<String, Value>,
}

/// What an expression comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number; a size in pixels is whole.
    Number(f64),
    /// A text, or a list: its items between colons.
    Text(String),
}

impl Value {
    /// As it is written into a transformation.
    pub fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => number(text).ok(),
        }
    }

    fn items(&self) -> Vec<String> {
        self.text().split(':').map(str::to_owned).collect()
    }
}

/// One word of an expression.
#[derive(Debug, Clone, PartialEq)]
enum Token<'t> {
    Word(&'t str),
    /// Between exclamation marks.
    Quoted(&'t str),
}

/// Splits at underscores, but not inside exclamation marks.
fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        let (token, after) = if let Some(quoted) = rest.strip_prefix('!') {
            let (inside, after) = quoted.split_once('!')?;
            (Token::Quoted(inside), after)
        } else {
            let (word, after) = rest.split_at(rest.find(['_', '!']).unwrap_or(rest.len()));
            (Token::Word(word), after)
        };
        if let (Token::Word(kind @ ("ctx:" | "md:")), Some(quoted)) = (&token, after.strip_prefix('!')) {
            let (key, after) = quoted.split_once('!')?;
            tokens.push(Token::Word(kind));
            tokens.push(Token::Quoted(key));
            rest = after;
        } else {
            tokens.push(token);
            rest = after;
        }
        match rest.strip_prefix('_') {
            Some(after) => rest = after,
            None if rest.is_empty() => return Some(joined_names(&tokens)),
            None => return None,
        }
    }
}

/// Long names with an underscore are one word.
fn joined_names<'t>(tokens: &[Token<'t>]) -> Vec<Token<'t>> {
    const LONG: &[(&[&str], &str)] = &[
        (&["illustration", "score"], "ils"),
        (&["aspect", "ratio"], "ar"),
        (&["initial", "width"], "iw"),
        (&["initial", "height"], "ih"),
        (&["initial", "aspect", "ratio"], "iar"),
        (&["face", "count"], "fc"),
        (&["page", "count"], "pc"),
        (&["current", "page"], "cp"),
    ];
    let mut joined = Vec::new();
    let mut rest = tokens;
    while let Some((first, others)) = rest.split_first() {
        let starts = |words: &[&str]| {
            words.len() <= rest.len() && words.iter().zip(rest).all(|(word, token)| *token == Token::Word(word))
        };
        if let Some((words, short)) = LONG.iter().find(|(words, _)| starts(words)) {
            joined.push(Token::Word(short));
            rest = rest.get(words.len()..).unwrap_or_default();
        } else {
            joined.push(first.clone());
            rest = others;
        }
    }
    joined
}

const ARITHMETIC: [&str; 6] = ["add", "sub", "mul", "div", "mod", "pow"];
const COMPARISONS: [&str; 8] = ["eq", "ne", "lt", "gt", "lte", "gte", "in", "nin"];
const FACTS: [&str; 19] = [
    "w", "h", "iw", "ih", "ow", "oh", "ar", "iar", "tar", "cp", "pc", "fc", "px", "py", "ils", "tags", "ctx", "md",
    "width",
];

/// Whether a text is an expression that is more than a number.
pub(super) fn is_expression(text: &str) -> bool {
    let Some(tokens) = tokens(text) else { return false };
    parse_sum(&tokens).is_some() && number(text).is_err()
}

/// Whether a text is a condition.
pub(super) fn is_condition(text: &str) -> bool {
    if let Some(name) = text.strip_prefix("isdef_").or_else(|| text.strip_prefix("isndef_")) {
        return name.strip_prefix('$').is_some_and(is_name);
    }
    let Some(tokens) = tokens(text) else { return false };
    let mut alternatives = tokens.split(|token| *token == Token::Word("or"));
    alternatives.all(|all| {
        all.split(|token| *token == Token::Word("and"))
            .all(|one| comparison(one).is_some())
    })
}

/// A variable's name: letters and digits, a letter first.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Operands and the operators between them.
struct Sum<'t> {
    operands: Vec<Operand<'t>>,
    operators: Vec<&'t str>,
}

enum Operand<'t> {
    Number(f64),
    Text(&'t str),
    Fact(&'t str),
    Variable(&'t str),
    Context(&'t str),
    Metadata(&'t str),
    /// A whole number (`i`) or any number (`f`) of the operand before.
    As(Box<Operand<'t>>, &'t str),
}

fn parse_sum<'t>(tokens: &[Token<'t>]) -> Option<Sum<'t>> {
    let mut sum = Sum {
        operands: Vec::new(),
        operators: Vec::new(),
    };
    let mut rest = tokens;
    loop {
        let operand;
        (operand, rest) = parse_operand(rest)?;
        sum.operands.push(operand);
        match rest {
            [] => return Some(sum),
            [Token::Word(operator), after @ ..] if ARITHMETIC.contains(operator) => {
                sum.operators.push(operator);
                rest = after;
            }
            _ => return None,
        }
    }
}

fn parse_operand<'s, 't>(tokens: &'s [Token<'t>]) -> Option<(Operand<'t>, &'s [Token<'t>])> {
    let (operand, rest) = match tokens {
        [Token::Word("ctx:"), Token::Quoted(key), rest @ ..] => (Operand::Context(key), rest),
        [Token::Word("md:"), Token::Quoted(key), rest @ ..] => (Operand::Metadata(key), rest),
        [Token::Quoted(text), rest @ ..] => (Operand::Text(text), rest),
        [Token::Word(word), rest @ ..] => {
            let operand = if let Some(name) = word.strip_prefix('$') {
                is_name(name).then_some(Operand::Variable(name))
            } else if FACTS.contains(word) {
                Some(Operand::Fact(word))
            } else {
                ratio(word).map(Operand::Number)
            };
            (operand?, rest)
        }
        [] => return None,
    };
    Some(match rest {
        [Token::Word("to"), Token::Word(kind @ ("i" | "f")), rest @ ..] => (Operand::As(Box::new(operand), kind), rest),
        _ => (operand, rest),
    })
}

/// A number, or two with a colon between.
fn ratio(text: &str) -> Option<f64> {
    match text.split_once(':') {
        Some((width, height)) => Some(number(width).ok()? / number(height).ok()?).filter(|ratio| ratio.is_finite()),
        None => number(text).ok(),
    }
}

impl Operand<'_> {
    fn value(&self, scope: &Scope<'_>) -> Option<Value> {
        let pair = |(width, height): (u32, u32)| f64::from(width) / f64::from(height.max(1));
        let of = |map: Option<&BTreeMap<String, String>>, key: &str| {
            Value::Text(map.and_then(|map| map.get(key)).cloned().unwrap_or_default())
        };
        Some(match self {
            Self::Number(number) => Value::Number(*number),
            Self::Text(text) => Value::Text((*text).to_owned()),
            Self::Variable(name) => scope.variables.get(*name)?.clone(),
            Self::Context(key) => of(scope.context, key),
            Self::Metadata(key) => of(scope.metadata, key),
            Self::As(operand, kind) => {
                let number = operand.value(scope)?.number().unwrap_or(0.0);
                Value::Number(if *kind == "i" { number.trunc() } else { number })
            }
            Self::Fact(name) => match *name {
                "w" | "width" => Value::Number(f64::from(scope.size.0)),
                "h" => Value::Number(f64::from(scope.size.1)),
                "iw" | "ow" => Value::Number(f64::from(scope.initial_size.0)),
                "ih" | "oh" => Value::Number(f64::from(scope.initial_size.1)),
                "ar" => Value::Number(pair(scope.size)),
                "iar" | "tar" => Value::Number(pair(scope.initial_size)),
                "cp" => Value::Number(f64::from(scope.page)),
                "pc" => Value::Number(f64::from(scope.pages)),
                "fc" => Value::Number(f64::from(u32::try_from(scope.faces).unwrap_or(u32::MAX))),
                "tags" => Value::Text(scope.tags.join(":")),
                // Layers of documents lie at the corner; photographs are no illustrations.
                _ => Value::Number(0.0),
            },
        })
    }
}

impl Sum<'_> {
    fn value(&self, scope: &Scope<'_>) -> Option<Value> {
        let mut values: Vec<Value> = Vec::new();
        for operand in &self.operands {
            values.push(operand.value(scope)?);
        }
        if let [only] = values.as_slice() {
            return Some(only.clone());
        }
        let mut numbers: Vec<f64> = values.iter().map(Value::number).collect::<Option<_>>()?;
        let mut operators = self.operators.clone();
        for level in [&["pow"][..], &["mul", "div", "mod"], &["add", "sub"]] {
            while let Some(at) = operators.iter().position(|operator| level.contains(operator)) {
                let right = numbers.remove(at + 1);
                let left = numbers[at];
                numbers[at] = match operators.remove(at) {
                    "pow" => left.powf(right),
                    "mul" => left * right,
                    "div" => left / right,
                    "mod" => left % right,
                    "sub" => left - right,
                    _ => left + right,
                };
            }
        }
        numbers
            .first()
            .copied()
            .filter(|number| number.is_finite())
            .map(Value::Number)
    }
}

/// What an expression comes to; `None` when a variable is not set or the result is no number.
pub(super) fn evaluate(text: &str, scope: &Scope<'_>) -> Option<Value> {
    parse_sum(&tokens(text)?)?.value(scope)
}

struct Comparison<'t> {
    left: Sum<'t>,
    operator: &'t str,
    right: Sum<'t>,
}

fn comparison<'t>(tokens: &[Token<'t>]) -> Option<Comparison<'t>> {
    let is_comparison = |token: &Token<'_>| matches!(token, Token::Word(word) if COMPARISONS.contains(word));
    let at = tokens.iter().position(is_comparison)?;
    let (left, rest) = tokens.split_at(at);
    let (operator, right) = rest.split_first()?;
    let Token::Word(operator) = operator else { return None };
    // A list may stand bare on either side of `in`.
    let side = |tokens: &[Token<'t>]| match tokens {
        [Token::Word(word)] if operator.ends_with("in") && is_name(word) && !FACTS.contains(word) => Some(Sum {
            operands: vec![Operand::Text(word)],
            operators: Vec::new(),
        }),
        tokens => parse_sum(tokens),
    };
    Some(Comparison {
        left: side(left)?,
        operator,
        right: side(right)?,
    })
}

impl Comparison<'_> {
    fn holds(&self, scope: &Scope<'_>) -> Option<bool> {
        let (left, right) = (self.left.value(scope)?, self.right.value(scope)?);
        if matches!(self.operator, "in" | "nin") {
            let right = right.items();
            let all = left.items().iter().all(|item| right.contains(item));
            // `tags_in_sale` is written as often as `sale_in_tags`.
            let turned = matches!(self.left.operands.as_slice(), [Operand::Fact("tags")])
                && right.iter().all(|item| left.items().contains(item));
            return Some((all || turned) == (self.operator == "in"));
        }
        let order = match (left.number(), right.number()) {
            (Some(left), Some(right)) => left.partial_cmp(&right)?,
            _ => left.text().cmp(&right.text()),
        };
        Some(match self.operator {
            "eq" => order.is_eq(),
            "ne" => order.is_ne(),
            "lt" => order.is_lt(),
            "gt" => order.is_gt(),
            "lte" => order.is_le(),
            _ => order.is_ge(),
        })
    }
}

/// Whether a condition holds; `None` when a variable is not set or something is no number.
pub(super) fn holds(text: &str, scope: &Scope<'_>) -> Option<bool> {
    for (prefix, wanted) in [("isdef_$", true), ("isndef_$", false)] {
        if let Some(name) = text.strip_prefix(prefix) {
            return Some(scope.variables.contains_key(name) == wanted);
        }
    }
    let tokens = tokens(text)?;
    let mut any = false;
    for all in tokens.split(|token| *token == Token::Word("or")) {
        let mut every = true;
        for one in all.split(|token| *token == Token::Word("and")) {
            every &= comparison(one)?.holds(scope)?;
        }
        any |= every;
    }
    Some(any)
}
