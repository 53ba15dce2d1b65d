//! Free names: a number is put behind one that is taken, "shop (2)".

use std::collections::HashMap;

use pki::FriendlyName;
use sea_orm::{ConnectionTrait, DbErr};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Kind, claim, find_all, holder_of, name_of};

/// Claims this name, or a free one with a number behind it, in one transaction with whatever else claims names. A
/// certificate that has claimed one before, and then crashed, keeps it.
///
/// # Errors
/// What the database says.
pub async fn claim_free_name(
    db: &impl ConnectionTrait,
    wanted: &FriendlyName,
    holder: Uuid,
    now: OffsetDateTime,
) -> Result<FriendlyName, DbErr> {
    if let Some(earlier) = name_of(db, holder).await?
        && claim(db, Kind::Name, &earlier, holder, now).await? == holder
    {
        return Ok(earlier);
    }
    let name = Names::default().free(db, wanted, holder).await?;
    claim(db, Kind::Name, &name, holder, now).await?;
    Ok(name)
}

/// Who has which names, as far as one transaction has looked, with those that it is about to claim.
#[derive(Default)]
pub struct Names(HashMap<String, Option<Uuid>>);

impl Names {
    /// Looks at once for all that these names will most likely ask for.
    ///
    /// # Errors
    /// What the database says.
    pub async fn for_all<'a>(
        db: &impl ConnectionTrait,
        wanted: impl Iterator<Item = &'a FriendlyName>,
    ) -> Result<Self, DbErr> {
        let mut times = HashMap::<&FriendlyName, u32>::new();
        let mut names = Vec::new();
        for name in wanted {
            let times = times.entry(name).or_default();
            *times += 1;
            // The second of a name wants the number 2.
            names.push(match times {
                1 => name.clone(),
                n => name.numbered(*n),
            });
        }
        let names = names.iter().map(FriendlyName::as_str).collect::<Vec<_>>();
        let claims = find_all(db, Kind::Name, &names).await?;
        let holders = names.into_iter().map(|name| {
            let claim = claims.get(name);
            (name.to_owned(), claim.map(|claim| claim.holder))
        });
        Ok(Self(holders.collect()))
    }

    /// This name, or a free one with a number behind it: it is this holder's from now on.
    ///
    /// # Errors
    /// What the database says.
    pub async fn free(
        &mut self,
        db: &impl ConnectionTrait,
        wanted: &FriendlyName,
        holder: Uuid,
    ) -> Result<FriendlyName, DbErr> {
        let name = match self.is_taken(db, wanted, holder).await? {
            true => self.free_number(db, wanted, holder).await?,
            false => wanted.clone(),
        };
        self.0.insert(name.to_string(), Some(holder));
        Ok(name)
    }

    /// Doubled until one is free, then halved down to where they are taken: a thousand certificates of
    /// one name take ten looks each, and not a thousand.
    async fn free_number(
        &mut self,
        db: &impl ConnectionTrait,
        wanted: &FriendlyName,
        holder: Uuid,
    ) -> Result<FriendlyName, DbErr> {
        let (mut taken, mut free) = (1, 2);
        while self.is_taken(db, &wanted.numbered(free), holder).await? {
            (taken, free) = (free, free * 2);
        }
        while free - taken > 1 {
            let middle = taken + (free - taken) / 2;
            match self.is_taken(db, &wanted.numbered(middle), holder).await? {
                true => taken = middle,
                false => free = middle,
            }
        }
        Ok(wanted.numbered(free))
    }

    async fn is_taken(
        &mut self,
        db: &impl ConnectionTrait,
        name: &FriendlyName,
        holder: Uuid,
    ) -> Result<bool, DbErr> {
        let has = match self.0.get(name.as_str()) {
            Some(has) => *has,
            None => {
                let has = holder_of(db, Kind::Name, name).await?;
                self.0.insert(name.to_string(), has);
                has
            }
        };
        Ok(has.is_some_and(|has| has != holder))
    }
}
