//! The order at the CA: the one that was placed, else a new one, once there is room for it.

use api::acme::v1::Step;

use super::{
    Halt, Held, Interrupted, Orders, Stop,
    steps::{Answered, at},
};
use crate::{
    automation::Command,
    budget::{Asked, Verdict},
    certificate,
    client::{self, Account, Identifier, NewOrder, Order, renewal_info::CertId},
    events::AutomationEvent as Event,
    metrics,
};

impl Orders {
    /// The order at the CA, and how it stands.
    pub(super) async fn place(
        &self,
        held: &mut Held,
        account: &Account,
    ) -> Result<(String, Answered), Stop> {
        if let Some(url) = held.url.clone() {
            let order = self.read(account, &url).await?;
            return Ok((url, order));
        }
        let (ours, order) = self.new_order(held, account).await?;
        let command = Command::PlaceOrder {
            attempt: held.attempt,
            holder: self.config.replica.clone(),
            url: ours.clone(),
            expires: order.expires,
            replaces: order.replaces.clone().unwrap_or_default(),
        };
        let Event::OrderPlaced(placed) = self.append(held, "order-placed", command).await? else {
            return Err(Interrupted::Contended.into());
        };
        tracing::info!(order = placed.order_url, "order placed");
        metrics::placed(&held.directory_url);
        held.url = Some(placed.order_url.clone());
        let order = if placed.order_url == ours {
            (order, None)
        } else {
            self.read(account, &placed.order_url).await?
        };
        Ok((placed.order_url, order))
    }

    async fn new_order(&self, held: &Held, account: &Account) -> Result<(String, Order), Stop> {
        // Others have been told to wait: this order need not fail to learn it.
        let wait = account.client().takes_orders_in();
        if let Some(wait) = wait.filter(|wait| *wait > self.config.patience()) {
            return Err(Halt::Later(self.clock.now() + wait).into());
        }
        if let Some(replaces) = self.replaced(held, account).await?
            && let Some((url, order)) = self.ask_to_replace(held, account, &replaces).await?
        {
            if order.replaces.is_none() {
                // To the CA it is an order like any other.
                let noted = self.budget.note(&self.asked(held)).await;
                noted.map_err(Interrupted::Database)?;
            }
            return Ok((url, order));
        }
        let verdict = self.budget.take(&self.asked(held)).await;
        match verdict.map_err(Interrupted::Database)? {
            Verdict::Go => self.ask_for(held, account).await,
            Verdict::Turn(until) | Verdict::Wait(until) => {
                tracing::info!(%until, "the ca's rate limits leave no room for the order, it waits");
                Err(Halt::Later(until).into())
            }
        }
    }

    async fn ask_for(&self, held: &Held, account: &Account) -> Result<(String, Order), Stop> {
        let identifiers = held.identifiers();
        let new = new_order(held, &identifiers, None);
        let ask = || async { account.new_order(&new).await.map_err(at(Step::NewOrder)) };
        self.patiently(ask).await
    }

    /// None: the CA does not take it as a replacement.
    async fn ask_to_replace(
        &self,
        held: &Held,
        account: &Account,
        replaces: &CertId,
    ) -> Result<Option<(String, Order)>, Stop> {
        let identifiers = held.identifiers();
        let new = new_order(held, &identifiers, Some(replaces));
        let ask = || async {
            match account.new_order(&new).await {
                Err(error) if refuses_replacement(&error) => {
                    tracing::warn!(error = %error, "the ca does not take the order as a replacement, ordering anew");
                    Ok(None)
                }
                answer => answer.map(Some).map_err(at(Step::NewOrder)),
            }
        };
        self.patiently(ask).await
    }

    /// What the order replaces in the eyes of its CA: the newest certificate, where the same CA issued it
    /// and gives renewal information (RFC 9773, section 5).
    async fn replaced(&self, held: &Held, account: &Account) -> Result<Option<CertId>, Stop> {
        if account.client().directory().renewal_info.is_none() {
            return Ok(None);
        }
        let (Some(id), Some(renews)) = (&held.certificate_id, &held.renews) else {
            return Ok(None);
        };
        let versions = certificate::versions(&self.log, id).await;
        let versions = versions.map_err(Interrupted::Log)?;
        let newest = versions.into_iter().find(|v| v.number == renews.number);
        Ok(newest.and_then(|version| version.id()))
    }

    /// The order, as its CA counts it.
    pub(super) fn asked<'a>(&self, held: &'a Held) -> Asked<'a> {
        Asked {
            server: held.server,
            directory_url: &held.directory_url,
            order: eventlog::derive_id(&held.origin, &held.item("room")),
            names: &held.names,
        }
    }
}

fn new_order<'a>(
    held: &'a Held,
    identifiers: &'a [Identifier],
    replaces: Option<&'a CertId>,
) -> NewOrder<'a> {
    NewOrder {
        identifiers,
        profile: Some(held.requested.profile.as_str()).filter(|p| !p.is_empty()),
        replaces,
    }
}

/// Whether an order may be taken without word of what it replaces. Only "alreadyReplaced" says that it is
/// about that (RFC 9773, section 5); CAs have other words for a certificate that they do not know, or of
/// another account, and some stumble over it (500): what is wrong for another reason is so without it too.
fn refuses_replacement(error: &client::Error) -> bool {
    let client::Error::Refused { problem, .. } = error else {
        return false;
    };
    let about_others = ["accountDoesNotExist", "badNonce", "userActionRequired"];
    (400..=500).contains(&problem.status)
        && problem.status != 429
        && !about_others.contains(&problem.kind())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Problem;

    #[test]
    fn a_refused_replacement_is_ordered_anew_and_a_limit_is_not() {
        let refused = |kind: &str, status| {
            refuses_replacement(&client::Error::Refused {
                problem: Box::new(Problem {
                    kind_uri: format!("urn:ietf:params:acme:error:{kind}"),
                    status,
                    ..Problem::default()
                }),
                retry_after: None,
            })
        };
        assert!(refused("alreadyReplaced", 409));
        assert!(refused("malformed", 404));
        assert!(refused("unauthorized", 403));
        assert!(!refused("rateLimited", 429));
        assert!(refused("serverInternal", 500));
        assert!(!refused("serverInternal", 503));
        assert!(!refused("accountDoesNotExist", 400));
    }
}
