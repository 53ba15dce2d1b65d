use eventlog::given::given;

use super::*;

const ANNA: Uuid = Uuid::from_u128(1);
const BEN: Uuid = Uuid::from_u128(2);

fn set_up() -> DirectoryEvent {
    DirectoryEvent::SetUpDone(SetUpDone {
        user_id: ANNA.to_string(),
    })
}

fn created(user: Uuid, role: Role) -> DirectoryEvent {
    DirectoryEvent::UserCreated(UserCreated {
        user_id: user.to_string(),
        role: role.into(),
    })
}

fn has_password(user: Uuid) -> DirectoryEvent {
    DirectoryEvent::PasswordChanged(PasswordChanged {
        user_id: user.to_string(),
    })
}

fn disabled(user: Uuid) -> DirectoryEvent {
    DirectoryEvent::Disabled(UserDisabled {
        user_id: user.to_string(),
    })
}

fn deleted(user: Uuid) -> DirectoryEvent {
    DirectoryEvent::Deleted(UserDeleted {
        user_id: user.to_string(),
    })
}

fn reset(user: Uuid) -> DirectoryEvent {
    DirectoryEvent::CredentialsReset(CredentialsReset {
        user_id: user.to_string(),
    })
}

fn second_factor(user: Uuid) -> DirectoryEvent {
    DirectoryEvent::SecondFactorAdded(SecondFactorAdded {
        user_id: user.to_string(),
    })
}

fn then(past: Vec<DirectoryEvent>, command: Command, event: DirectoryEvent) {
    given::<Directory>(past)
        .when(|s| decide(s, &command))
        .then(event);
}

fn refused(past: Vec<DirectoryEvent>, command: Command, refusal: Refusal) {
    given::<Directory>(past)
        .when(|s| decide(s, &command))
        .refused(refusal);
}

#[test]
fn it_is_set_up_once() {
    then(vec![], Command::SetUp(ANNA), set_up());
    refused(vec![set_up()], Command::SetUp(BEN), Refusal::AlreadySetUp);
    // With the bootstrap token others may have been made before.
    then(
        vec![created(BEN, Role::Viewer)],
        Command::SetUp(ANNA),
        set_up(),
    );
    refused(
        vec![created(BEN, Role::Viewer)],
        Command::SetUp(BEN),
        Refusal::UserExists,
    );
}

#[test]
fn an_id_stands_for_one_person_for_ever() {
    let create = Command::Create(BEN, Role::Operator);
    then(vec![set_up()], create, created(BEN, Role::Operator));
    for past in [
        vec![created(BEN, Role::Viewer)],
        vec![created(BEN, Role::Viewer), deleted(BEN)],
    ] {
        refused(past, create, Refusal::UserExists);
    }
}

#[test]
fn the_last_administrator_who_can_sign_in_stays() {
    let takes_him = [
        Command::ChangeRole(ANNA, Role::Operator, None),
        Command::Disable(ANNA),
        Command::Delete(ANNA),
    ];
    let ben =
        |more: Vec<DirectoryEvent>| [vec![set_up(), created(BEN, Role::Admin)], more].concat();
    for command in takes_him {
        for alone in [
            vec![set_up()],
            // Who has not used his link cannot sign in.
            ben(vec![]),
            ben(vec![has_password(BEN), disabled(BEN)]),
            ben(vec![has_password(BEN), reset(BEN)]),
            ben(vec![has_password(BEN), deleted(BEN)]),
            vec![set_up(), created(BEN, Role::Operator), has_password(BEN)],
        ] {
            refused(alone, command, Refusal::LastAdministrator);
        }
        let two = given::<Directory>(ben(vec![has_password(BEN)])).state();
        assert!(decide(&two, &command).is_ok(), "{command:?}");
    }
    // One who could not administer anyway may go.
    then(ben(vec![]), Command::Delete(BEN), deleted(BEN));
    then(ben(vec![]), Command::Disable(BEN), disabled(BEN));
}

#[test]
fn a_role_changes_only_to_another() {
    let past = || vec![set_up(), created(BEN, Role::Viewer)];
    then(
        past(),
        Command::ChangeRole(BEN, Role::Operator, None),
        DirectoryEvent::RoleChanged(RoleChanged {
            user_id: BEN.to_string(),
            role: Role::Operator.into(),
        }),
    );
    refused(
        past(),
        Command::ChangeRole(BEN, Role::Viewer, None),
        Refusal::RoleUnchanged,
    );
    // One that was open for a while changes what it shows, and nothing else.
    let from = |role| Command::ChangeRole(BEN, Role::Admin, Some(role));
    refused(past(), from(Role::Operator), Refusal::RoleChanged);
    let changed = RoleChanged {
        user_id: BEN.to_string(),
        role: Role::Admin.into(),
    };
    then(
        past(),
        from(Role::Viewer),
        DirectoryEvent::RoleChanged(changed),
    );
}

#[test]
fn who_is_disabled_may_be_enabled_and_changes_nothing_himself() {
    let past = || vec![set_up(), created(BEN, Role::Viewer), disabled(BEN)];
    then(
        past(),
        Command::Enable(BEN),
        DirectoryEvent::Enabled(UserEnabled {
            user_id: BEN.to_string(),
        }),
    );
    refused(vec![set_up()], Command::Enable(ANNA), Refusal::NotDisabled);
    for command in [
        Command::Disable(BEN),
        Command::ChangePassword(BEN),
        Command::AddSecondFactor(BEN),
        Command::RemoveSecondFactor(BEN),
    ] {
        refused(past(), command, Refusal::UserDisabled);
    }
}

#[test]
fn who_is_not_there_is_told_apart_from_who_was() {
    for command in [
        Command::ChangeRole(BEN, Role::Admin, None),
        Command::Disable(BEN),
        Command::Enable(BEN),
        Command::Delete(BEN),
        Command::ResetCredentials(BEN),
        Command::ChangePassword(BEN),
        Command::AddSecondFactor(BEN),
        Command::RemoveSecondFactor(BEN),
        Command::UseRecoveryCode(BEN, 3),
    ] {
        refused(vec![set_up()], command, Refusal::NoSuchUser);
        let past = vec![set_up(), created(BEN, Role::Viewer), deleted(BEN)];
        refused(past, command, Refusal::UserDeleted);
    }
}

#[test]
fn a_second_factor_is_added_to_a_password_and_goes_with_it() {
    let past = |more: Vec<DirectoryEvent>| [vec![set_up()], more].concat();
    then(
        past(vec![]),
        Command::AddSecondFactor(ANNA),
        second_factor(ANNA),
    );
    refused(
        past(vec![second_factor(ANNA)]),
        Command::AddSecondFactor(ANNA),
        Refusal::SecondFactorExists,
    );
    refused(
        past(vec![reset(ANNA)]),
        Command::AddSecondFactor(ANNA),
        Refusal::NoPassword,
    );
    refused(
        past(vec![second_factor(ANNA), reset(ANNA)]),
        Command::UseRecoveryCode(ANNA, 9),
        Refusal::NoSecondFactor,
    );
    then(
        past(vec![second_factor(ANNA)]),
        Command::UseRecoveryCode(ANNA, 9),
        DirectoryEvent::RecoveryCodeUsed(RecoveryCodeUsed {
            user_id: ANNA.to_string(),
            left: 9,
        }),
    );
    then(
        past(vec![second_factor(ANNA)]),
        Command::RemoveSecondFactor(ANNA),
        DirectoryEvent::SecondFactorRemoved(SecondFactorRemoved {
            user_id: ANNA.to_string(),
        }),
    );
}
