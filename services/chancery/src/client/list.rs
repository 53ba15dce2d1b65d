//! What every list takes: filter, sort, page.

use api::projection::v1::ListRequest;
use clap::Args;

use super::as_of::AsOfArgs;

/// Options of a list.
#[derive(Debug, Clone, Default, Args)]
pub struct ListArgs {
    /// Terms that must all hold: field=value, field!=value, field:text, field<time, field>time.
    #[arg(
        long,
        value_name = "TERMS",
        default_value = "",
        hide_default_value = true
    )]
    pub filter: String,
    /// The field to sort by; with "-" before it in the reverse order.
    #[arg(
        long,
        value_name = "FIELD",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub sort: String,
    /// How many at most, 1 to 500.
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub limit: u32,
    /// Where the page before this one ended, as it said.
    #[arg(
        long,
        value_name = "TOKEN",
        default_value = "",
        hide_default_value = true
    )]
    pub page_token: String,
    #[command(flatten)]
    pub as_of: AsOfArgs,
}

impl From<ListArgs> for ListRequest {
    fn from(args: ListArgs) -> Self {
        ListRequest {
            filter: args.filter,
            sort: args.sort,
            page_size: args.limit,
            page_token: args.page_token,
            at_least: 0,
            as_of: args.as_of.moment,
        }
    }
}

/// Says on stderr how to see the next page, where there is one.
pub fn more(next_page_token: &str) {
    if !next_page_token.is_empty() {
        eprintln!("there are more: --page-token {next_page_token}");
    }
}
