//! Reads expressions: `OR` of `AND` of negated terms and parentheses.

use jiff::Timestamp;

use super::error::{QueryError, QueryMistake};
use super::field::{Field, FieldKind};
use super::text::{Cursor, Word, error};
use super::value::{Meaning, meaning};
use super::{
    Bound, Expression, MAX_EXPRESSION_CHARS, MAX_EXPRESSION_DEPTH, MAX_EXPRESSION_TERMS, SearchTest, SearchValue, Term,
};

/// Reads a whole expression.
pub(super) fn parse<F: Field>(text: &str, now: Timestamp) -> Result<Expression<F>, QueryError> {
    let mut parser = Parser {
        cursor: Cursor::new(text, MAX_EXPRESSION_CHARS)?,
        now,
        depth: 0,
        terms: 0,
    };
    parser.cursor.skip_blanks();
    if parser.cursor.peek().is_none() {
        return Ok(Expression::everything());
    }
    let expression = parser.any()?;
    match parser.cursor.peek() {
        None => Ok(expression),
        Some(rest) => Err(parser.cursor.error(QueryMistake::Reserved(rest))),
    }
}

struct Parser {
    cursor: Cursor,
    now: Timestamp,
    depth: usize,
    terms: usize,
}

/// What stands between a field and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    /// `:`
    Matches,
    /// `=`
    Equals,
    /// `>` and `>=`
    Above { inclusive: bool },
    /// `<` and `<=`
    Below { inclusive: bool },
}

impl Parser {
    /// `a OR b`
    fn any<F: Field>(&mut self) -> Result<Expression<F>, QueryError> {
        let mut parts = vec![self.all()?];
        while self.keyword("OR")? {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Expression::Or))
    }

    /// `a AND b`, or `a b`.
    fn all<F: Field>(&mut self) -> Result<Expression<F>, QueryError> {
        let mut parts = vec![self.part()?];
        loop {
            if !self.keyword("AND")? {
                let at = self.cursor.position();
                let or_follows = self.keyword("OR")?;
                self.cursor.back(at);
                if or_follows || self.cursor.peek().is_none_or(|c| c == ')') {
                    return Ok(one_or(parts, Expression::And));
                }
            }
            parts.push(self.part()?);
        }
    }

    /// One term or parenthesis, perhaps negated; ends behind the blanks that follow it.
    fn part<F: Field>(&mut self) -> Result<Expression<F>, QueryError> {
        self.cursor.skip_blanks();
        self.depth += 1;
        if self.depth > MAX_EXPRESSION_DEPTH + 1 {
            return Err(self.cursor.error(QueryMistake::TooDeep));
        }
        let part = if self.keyword("NOT")? || self.cursor.take('-') {
            Expression::Not(Box::new(self.part()?))
        } else if self.cursor.take('(') {
            let inner = self.any()?;
            if !self.cursor.take(')') {
                return Err(self.cursor.error(QueryMistake::ParenthesisMissing));
            }
            inner
        } else {
            Expression::Term(self.term()?)
        };
        self.depth -= 1;
        self.cursor.skip_blanks();
        Ok(part)
    }

    /// Takes a word of the language if it is next.
    fn keyword(&mut self, keyword: &str) -> Result<bool, QueryError> {
        let at = self.cursor.position();
        if !self.cursor.peek().is_some_and(|c| keyword.starts_with(c)) {
            return Ok(false);
        }
        let found = self.cursor.word(false)?.is_some_and(|word| word.is(keyword));
        if !found {
            self.cursor.back(at);
        }
        Ok(found)
    }

    fn term<F: Field>(&mut self) -> Result<Term<F>, QueryError> {
        self.terms += 1;
        if self.terms > MAX_EXPRESSION_TERMS {
            return Err(self.cursor.error(QueryMistake::TooManyTerms));
        }
        let Some(word) = self.cursor.word(false)? else {
            return Err(self.cursor.error(match self.cursor.peek() {
                None | Some(')') => QueryMistake::TermMissing,
                Some(c) => QueryMistake::Reserved(c),
            }));
        };
        if ["AND", "OR", "NOT"].iter().any(|keyword| word.is(keyword)) {
            return Err(error(word.at, QueryMistake::TermMissing));
        }
        let end = self.cursor.position();
        self.cursor.skip_blanks();
        match self.operator() {
            Some(operator) if !word.prefix => self.test(&word, operator),
            Some(_) => Err(error(word.at, QueryMistake::UnknownField(word.text))),
            None => {
                self.cursor.back(end);
                let field = F::any_text();
                let test = text_test(word, SearchTest::Matches)?;
                Ok(Term { field, test })
            }
        }
    }

    /// Reads an operator. `:>` is `>`, as some clients write it.
    fn operator(&mut self) -> Option<Operator> {
        let colon = self.cursor.take(':');
        let above = self.cursor.take('>');
        let below = !above && self.cursor.take('<');
        let equals = (above || below || !colon) && self.cursor.take('=');
        match (above, below) {
            (true, _) => Some(Operator::Above { inclusive: equals }),
            (_, true) => Some(Operator::Below { inclusive: equals }),
            _ if equals => Some(Operator::Equals),
            _ => colon.then_some(Operator::Matches),
        }
    }

    fn test<F: Field>(&mut self, name: &Word, operator: Operator) -> Result<Term<F>, QueryError> {
        let Some(field) = F::from_name(&name.text) else {
            return Err(error(name.at, QueryMistake::UnknownField(name.text.clone())));
        };
        self.cursor.skip_blanks();
        let at = self.cursor.position();
        let equality = matches!(operator, Operator::Matches | Operator::Equals);
        let test = if equality && (self.cursor.take('[') || self.cursor.take('{')) {
            self.cursor.back(at);
            self.range(&field)?
        } else {
            let value = self.value()?;
            match operator {
                Operator::Matches | Operator::Equals => self.equality(&field, operator, value)?,
                Operator::Above { inclusive } => SearchTest::Within {
                    lower: Some(self.bound(&field, &value, inclusive, !inclusive)?),
                    upper: None,
                },
                Operator::Below { inclusive } => SearchTest::Within {
                    lower: None,
                    upper: Some(self.bound(&field, &value, inclusive, inclusive)?),
                },
            }
        };
        Ok(Term { field, test })
    }

    fn value(&mut self) -> Result<Word, QueryError> {
        match self.cursor.word(true)? {
            Some(word) => Ok(word),
            None => Err(self.cursor.error(match self.cursor.peek() {
                None | Some(')' | ']' | '}') => QueryMistake::ValueMissing,
                Some(c) => QueryMistake::Reserved(c),
            })),
        }
    }

    /// `field:value` and `field=value`.
    fn equality<F: Field>(&self, field: &F, operator: Operator, word: Word) -> Result<SearchTest, QueryError> {
        let kind = field.kind();
        if matches!(kind, FieldKind::Text | FieldKind::Custom) {
            return text_test(word, |text| match operator {
                Operator::Matches => SearchTest::Matches(text),
                _ => SearchTest::Equals(SearchValue::Text(text)),
            });
        }
        let field = field.name();
        if word.prefix {
            return Err(error(word.at, QueryMistake::NoPrefix { field }));
        }
        match meaning(&word.text, kind, self.now) {
            Some(Meaning::Exact(value)) => Ok(SearchTest::Equals(value)),
            Some(Meaning::Day(first, next)) => Ok(SearchTest::Within {
                lower: Some(Bound {
                    value: SearchValue::Moment(first),
                    inclusive: true,
                }),
                upper: Some(Bound {
                    value: SearchValue::Moment(next),
                    inclusive: false,
                }),
            }),
            Some(Meaning::Ago(_)) => Err(error(
                word.at,
                QueryMistake::RelativeDate {
                    field,
                    value: word.text,
                },
            )),
            None => Err(error(
                word.at,
                QueryMistake::Value {
                    field,
                    value: word.text,
                },
            )),
        }
    }

    /// `[a TO b]` and `{a TO b}`, also mixed. The first end is found with `[` only; the second never is (Cloudinary's
    /// reference: "a inclusive, b exclusive").
    fn range<F: Field>(&mut self, field: &F) -> Result<SearchTest, QueryError> {
        let start = self.cursor.position();
        let inclusive = self.cursor.take('[');
        if !inclusive {
            self.cursor.take('{');
        }
        let lower = self.end_of_range(field, inclusive)?;
        let to = self.cursor.word(false)?;
        if !to.is_some_and(|word| word.is("TO")) {
            return Err(error(start, QueryMistake::Range));
        }
        let upper = self.end_of_range(field, false)?;
        if !self.cursor.take(']') && !self.cursor.take('}') {
            return Err(error(start, QueryMistake::Range));
        }
        if matches!(field.kind(), FieldKind::Text | FieldKind::Flag) {
            return Err(error(start, QueryMistake::NoOrder { field: field.name() }));
        }
        Ok(SearchTest::Within { lower, upper })
    }

    /// One end with the blanks around it; `*` is an open end.
    fn end_of_range<F: Field>(&mut self, field: &F, inclusive: bool) -> Result<Option<Bound>, QueryError> {
        self.cursor.skip_blanks();
        let word = self.value()?;
        self.cursor.skip_blanks();
        if word.plain && word.prefix && word.text.is_empty() {
            return Ok(None);
        }
        self.bound(field, &word, inclusive, false).map(Some)
    }

    /// A value to compare with. Of a day, the first moment counts, or with `after` the first of the next day; which of
    /// the two is found then follows from the day as a whole: after a day is not within it.
    fn bound<F: Field>(&self, field: &F, word: &Word, inclusive: bool, after: bool) -> Result<Bound, QueryError> {
        let kind = field.kind();
        let field = field.name();
        if matches!(kind, FieldKind::Text | FieldKind::Flag) {
            return Err(error(word.at, QueryMistake::NoOrder { field }));
        }
        if word.prefix {
            return Err(error(word.at, QueryMistake::NoPrefix { field }));
        }
        let moment = SearchValue::Moment;
        match meaning(&word.text, kind, self.now) {
            Some(Meaning::Exact(value)) => Ok(Bound { value, inclusive }),
            Some(Meaning::Ago(then)) => Ok(Bound {
                value: moment(then),
                inclusive,
            }),
            Some(Meaning::Day(_, next)) if after => Ok(Bound {
                value: moment(next),
                inclusive: !inclusive,
            }),
            Some(Meaning::Day(first, _)) => Ok(Bound {
                value: moment(first),
                inclusive,
            }),
            None => Err(error(
                word.at,
                QueryMistake::Value {
                    field,
                    value: word.text.clone(),
                },
            )),
        }
    }
}

/// A test of text: a prefix, or what is given.
fn text_test(word: Word, test: impl FnOnce(String) -> SearchTest) -> Result<SearchTest, QueryError> {
    match (word.prefix, word.text.is_empty()) {
        (true, true) => Err(error(word.at, QueryMistake::Wildcard)),
        (true, false) => Ok(SearchTest::StartsWith(word.text)),
        (false, _) => Ok(test(word.text)),
    }
}

/// The only part alone, several parts joined.
fn one_or<F>(mut parts: Vec<Expression<F>>, join: fn(Vec<Expression<F>>) -> Expression<F>) -> Expression<F> {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            parts.extend(last);
            join(parts)
        }
    }
}
