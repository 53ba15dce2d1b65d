//! One list's question: parsed whole at the door, then asked as one statement.

use api::{CertificateFilter, projection::v1::ListRequest, refuse::Violations};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ModelTrait, Order, QueryFilter,
    QueryOrder, QuerySelect, Select, Value,
    sea_query::{ColumnType, Expr, ExprTrait, SelectStatement},
};

use super::{
    condition,
    filter::{self, Term, Test},
    grams::{self, Common},
    page::{self, Cursor, Place, QuestionDigest},
    sort::{self, Direction, Sort},
};

/// A list: an enum of its fields, and what they are in its table.
pub trait List: filter::Field {
    /// Its table.
    type Entity: EntityTrait;

    /// What it is called, to tell its page tokens from other lists'.
    const NAME: &'static str;

    /// The order where the request names none.
    const DEFAULT_SORT: Sort<Self>;

    /// The column that tells rows apart.
    const ID: <Self::Entity as EntityTrait>::Column;

    /// The column that sorts by this field; none where it cannot be sorted by.
    fn sort_column(self) -> Option<<Self::Entity as EntityTrait>::Column>;

    /// What a term about this field means in the table, at this moment (microseconds since 1970).
    fn condition(self, test: &Test, now: i64) -> Expr;

    /// Whether nearly all rows may have the same in this field. Then they are found by it only where that yields
    /// them in the order that is asked for; in any other the list walks in its order, and leaves out the rest.
    fn is_common(self) -> bool {
        false
    }

    /// What holds of the rows that are listed where these terms do not ask for others; all are
    /// where it is left out.
    fn unless_asked(terms: &[Term<Self>]) -> Option<Expr> {
        let _ = terms;
        None
    }

    /// The ids of all rows that these terms can yield, and of others, where they may be few of very many, and an index
    /// finds them: each of these has all. Those that an index has in the order `by` need not be among them.
    fn seldom(terms: &[Term<Self>], by: Self, now: i64) -> Vec<SelectStatement> {
        let _ = (terms, by, now);
        Vec::new()
    }

    /// What follows from these terms about the column that rows are put in order `by`: the walk in that order begins and
    /// ends there.
    fn stretch(terms: &[Term<Self>], by: Self, now: i64) -> Option<Expr> {
        let _ = (terms, by, now);
        None
    }

    /// What of these terms can be told from parts of names; nothing, where names are not searched.
    fn searched(terms: &[Term<Self>]) -> Option<Searched<<Self::Entity as EntityTrait>::Column>> {
        let _ = terms;
        None
    }

    /// Which rows are the affair of a caller who is held to these certificates: none, where rows have no names.
    fn within(held_to: &CertificateFilter) -> Expr {
        let _ = held_to;
        Expr::val(false)
    }

    /// About how many bytes a row takes in an answer.
    fn weight(row: &<Self::Entity as EntityTrait>::Model) -> usize;
}

/// Rows of which each has all of some texts in its names.
#[derive(Debug)]
pub struct Searched<C> {
    /// The number by which [`grams`] knows a row.
    pub number: C,
    /// The texts.
    pub texts: Vec<String>,
    /// Rows of which this holds are to be found, too.
    pub or: Option<Expr>,
}

/// A question that holds together.
#[derive(Debug, Clone)]
pub struct Question<L: List> {
    /// All must hold.
    terms: Vec<Term<L>>,
    sort: Sort<L>,
    size: usize,
    after: Option<Cursor>,
    digest: QuestionDigest,
    held_to: CertificateFilter,
    /// Holds beside the terms.
    also: Condition,
}

/// Rows of a list, and how to go on.
#[derive(Debug)]
pub struct Page<M> {
    /// In the order that was asked for.
    pub rows: Vec<M>,
    /// Empty on the last page.
    pub next_page_token: String,
}

/// A list's row.
pub type Row<L> = <<L as List>::Entity as EntityTrait>::Model;

impl<L: List> Question<L> {
    /// The question of a request.
    ///
    /// # Errors
    /// Everything that is wrong with it, by field.
    pub fn parse(request: &ListRequest) -> Result<Self, Violations> {
        let mut violations = Violations::new();
        let terms = terms(&request.filter, &mut violations);
        let sort = sort::parse(&request.sort, L::DEFAULT_SORT, |f| {
            f.sort_column().is_some()
        });
        let sort = violations.check("sort", sort);
        let size = match request.page_size {
            0 => page::DEFAULT_SIZE,
            size @ 1..=page::MAX_SIZE => size,
            size => {
                violations.add(
                    "page_size",
                    format!("is {size}; at most {} rows make a page", page::MAX_SIZE),
                );
                size
            }
        };
        let mut parts = vec![L::NAME, request.filter.trim(), request.sort.trim()];
        let moment = request.as_of.as_ref().map(|as_of| format!("{as_of:?}"));
        parts.extend(moment.as_deref());
        let digest = QuestionDigest::of(&parts);
        let after = match request.page_token.as_str() {
            "" => Some(None),
            token => {
                let cursor = page::cursor(token, &digest);
                let cursor = cursor.and_then(|cursor| fitting_cursor::<L>(cursor, sort));
                violations.check("page_token", cursor).map(Some)
            }
        };
        match (sort, after) {
            (Some(sort), Some(after)) if violations.is_empty() => Ok(Self {
                terms,
                sort,
                size: size as usize,
                after,
                digest,
                held_to: CertificateFilter::default(),
                also: Condition::all(),
            }),
            _ => Err(violations),
        }
    }

    /// The same question, of the rows alone that are the affair of a caller who is held to these certificates.
    pub fn held_to(self, held_to: CertificateFilter) -> Self {
        Self { held_to, ..self }
    }

    /// The same question, of the rows alone of which this holds, too.
    pub fn and(mut self, also: Condition) -> Self {
        self.also = self.also.add(also);
        self
    }

    /// Takes the terms about these fields out of it.
    pub fn take(&mut self, wanted: impl Fn(L) -> bool) -> Vec<Term<L>> {
        let terms = std::mem::take(&mut self.terms);
        let (taken, left) = terms.into_iter().partition(|term| wanted(term.field));
        self.terms = left;
        taken
    }

    /// Asks it, at this moment (microseconds since 1970): statuses depend on the time.
    ///
    /// # Errors
    /// What the database says.
    pub async fn ask(
        &self,
        database: &impl ConnectionTrait,
        common: &Common,
        now: i64,
    ) -> Result<Page<Row<L>>, DbErr> {
        let statement = match self.few(database, common, now).await? {
            // Looked up one by one, and put in order without the rest of the rows: walking in the list's order might
            // pass all that there are.
            Some(few) => {
                let ids = self.statement(now).filter(few).select_only().column(L::ID);
                let ids = ids.into_tuple::<String>().all(database).await?;
                self.ordered().filter(L::ID.is_in(ids))
            }
            None => self.statement(now),
        };
        let mut rows = statement.all(database).await?;
        let fit = page::fitting(rows.iter().map(L::weight), self.size);
        let more = rows.len() > fit;
        rows.truncate(fit);
        let last = rows.last().filter(|_| more);
        let next_page_token = last.map(|row| {
            let cursor = Cursor {
                value: place(row.get(self.by())),
                id: place(row.get(L::ID)),
            };
            page::token(&cursor, &self.digest)
        });
        Ok(Page {
            rows,
            next_page_token: next_page_token.unwrap_or_default(),
        })
    }

    /// What is asked of the database at this moment: one row more than the page, to know whether another follows.
    pub fn statement(&self, now: i64) -> Select<L::Entity> {
        let by = self.by();
        let ascending = self.sort.direction == Direction::Ascending;
        let mut condition = self
            .holds(now)
            .add_option(L::unless_asked(&self.terms))
            .add_option(L::stretch(&self.terms, self.sort.field, now));
        if !self.also.is_empty() {
            condition = condition.add(self.also.clone());
        }
        if !self.held_to.is_open() {
            condition = condition.add(L::within(&self.held_to));
        }
        if let Some(cursor) = &self.after {
            let here = Expr::tuple([column::<L>(by), column::<L>(L::ID)]);
            let there = Expr::tuple([value(&cursor.value), value(&cursor.id)]);
            condition = condition.add(if ascending {
                here.gt(there)
            } else {
                here.lt(there)
            });
        }
        let rows = self.ordered().filter(condition);
        rows.limit(self.size as u64 + 1)
    }

    /// All rows, in the order that was asked for.
    fn ordered(&self) -> Select<L::Entity> {
        let order = match self.sort.direction {
            Direction::Ascending => Order::Asc,
            Direction::Descending => Order::Desc,
        };
        L::Entity::find()
            .order_by(self.by(), order.clone())
            .order_by(L::ID, order)
    }

    /// What holds of all rows that it can yield, and of few others, where it can be told that they are few.
    async fn few(
        &self,
        database: &impl ConnectionTrait,
        common: &Common,
        now: i64,
    ) -> Result<Option<Expr>, DbErr> {
        if let Some(searched) = L::searched(&self.terms)
            && let Some(numbers) = grams::few(database, &searched.texts, common).await?
        {
            let found = searched.number.in_subquery(numbers);
            return Ok(Some(match searched.or {
                Some(other) => found.or(other),
                None => found,
            }));
        }
        for mut seldom in L::seldom(&self.terms, self.sort.field, now) {
            let ids = seldom.limit(FEW as u64 + 1);
            let ids = database.query_all(ids).await?;
            if ids.len() <= FEW {
                let ids = ids.iter().map(|id| id.try_get_by_index::<String>(0));
                let ids = ids.collect::<Result<Vec<_>, _>>()?;
                return Ok(Some(L::ID.is_in(ids)));
            }
        }
        Ok(None)
    }

    fn by(&self) -> <L::Entity as EntityTrait>::Column {
        // A field that cannot be sorted by is refused in `parse`: its id then is order enough.
        self.sort.field.sort_column().unwrap_or(L::ID)
    }

    /// All terms hold, asked so that the order comes from an index.
    fn holds(&self, now: i64) -> Condition {
        let own = self.sort.field.name() == L::DEFAULT_SORT.field.name();
        let conditions = self.terms.iter().map(|term| {
            let condition = term.field.condition(&term.test, now);
            match term.field.is_common() && !own {
                true => condition::of_no_index(condition),
                false => condition,
            }
        });
        conditions.fold(Condition::all(), Condition::add)
    }
}

/// So many rows are looked up and sorted sooner than the order of a large list is walked to its end.
const FEW: usize = 2_000;

/// The terms of a field named "filter"; what is wrong with it is noted.
pub fn terms<F: filter::Field>(text: &str, violations: &mut Violations) -> Vec<Term<F>> {
    filter::parse(text).unwrap_or_else(|errors| {
        for error in errors {
            violations.add("filter", error);
        }
        Vec::new()
    })
}

/// All terms hold.
pub fn holds<L: List>(terms: &[Term<L>], now: i64) -> Condition {
    let conditions = terms
        .iter()
        .map(|term| term.field.condition(&term.test, now));
    conditions.fold(Condition::all(), Condition::add)
}

/// A token is made by us but kept by others: its values must be of the columns' types.
fn fitting_cursor<L: List>(
    cursor: Cursor,
    sort: Option<Sort<L>>,
) -> Result<Cursor, page::TokenError> {
    let by = sort
        .and_then(|sort| sort.field.sort_column())
        .unwrap_or(L::ID);
    let fits = |column: <L::Entity as EntityTrait>::Column, place: &Place| {
        let number = matches!(
            column.def().get_column_type(),
            ColumnType::Integer | ColumnType::BigInteger
        );
        number == matches!(place, Place::Number(_))
    };
    let fits = fits(by, &cursor.value) && fits(L::ID, &cursor.id);
    fits.then_some(cursor).ok_or(page::TokenError)
}

fn column<L: List>(column: <L::Entity as EntityTrait>::Column) -> Expr {
    Expr::col((L::Entity::default(), column))
}

fn value(place: &Place) -> Expr {
    match place {
        Place::Number(number) => Expr::val(*number),
        Place::Text(text) => Expr::val(text.as_str()),
    }
}

/// Columns that are sorted by hold numbers or text, and are never NULL.
fn place(value: Value) -> Place {
    match value {
        Value::BigInt(Some(number)) => Place::Number(number),
        Value::Int(Some(number)) => Place::Number(number.into()),
        Value::String(Some(text)) => Place::Text(text),
        _ => Place::Text(String::new()),
    }
}
