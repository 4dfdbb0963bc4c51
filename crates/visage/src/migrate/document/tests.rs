use serde_json::json;

use super::*;

const ID: &str = "66501234aaaaaaaaaaaaaaaa";
const HASH: &str = "$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

fn minimal() -> Value {
    json!({"_id": {"$oid": ID}, "name": "Asha", "email": " A@Example.com", "password": HASH})
}

fn with(field: &str, value: Value) -> Result<User, DocumentError> {
    document_with(field, value).map(|document| document.user)
}

fn document_with(field: &str, value: Value) -> Result<UserDocument, DocumentError> {
    let mut document = minimal();
    document[field] = value;
    read(document.to_string().as_bytes())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn what_is_not_said_has_the_applications_defaults() {
    let user = read(minimal().to_string().as_bytes()).unwrap().user;
    let made = Timestamp::from_second(0x6650_1234).unwrap();
    assert_eq!(
        (user.id.to_string().as_str(), user.email.as_str()),
        (ID, "a@example.com")
    );
    assert_eq!(
        (user.joining_date, user.created_at, user.updated_at),
        (made, made, made)
    );
    assert_eq!(
        (user.role, user.is_verified, user.suspended),
        (Role::User, false, false)
    );
    assert_eq!(
        (user.trainer_preference.as_str(), user.profile_image),
        ("No Preference", None)
    );
    assert_eq!(user.profile, ProfileDetails::default());
}

#[test]
fn dates_and_numbers_are_read_in_every_form() {
    let expected = at("2024-06-25T09:25:44.123Z");
    for date in [
        json!({"$date": "2024-06-25T09:25:44.123Z"}),
        json!({"$date": "2024-06-25T11:25:44.123+02:00"}),
        json!({"$date": 1_719_307_544_123_i64}),
        json!({"$date": {"$numberLong": "1719307544123"}}),
        json!("2024-06-25T09:25:44.123Z"),
        json!(1_719_307_544_123_i64),
        json!(1_719_307_544_123.0),
    ] {
        assert_eq!(with("updatedAt", date.clone()).unwrap().updated_at, expected, "{date}");
        let dob = with("dob", json!({"$date": "1990-01-01T00:00:00Z"}))
            .unwrap()
            .profile
            .dob;
        assert_eq!(dob.as_deref(), Some("1990-01-01T00:00:00.000Z"));
    }
    assert_eq!(with("dob", json!("1990")).unwrap().profile.dob.as_deref(), Some("1990"));
    for weight in [
        json!(70.5),
        json!("70.5"),
        json!({"$numberDouble": "70.5"}),
        json!({"$numberDecimal": "70.5"}),
    ] {
        assert_eq!(
            with("weight", weight.clone()).unwrap().profile.weight,
            Some(70.5),
            "{weight}"
        );
    }
    assert_eq!(
        with("weight", json!({"$numberInt": "70"})).unwrap().profile.weight,
        Some(70.0)
    );
}

#[test]
fn a_weight_history_keeps_its_entries_once_each_and_oldest_first() {
    let entry = |id: &str, date: i64| json!({"_id": {"$oid": id}, "date": {"$date": date}, "weight": 70});
    let (first, second) = ("66501234aaaaaaaaaaaaaa01", "66501234aaaaaaaaaaaaaa02");
    let history = json!([entry(second, 2000), entry(first, 1000), entry(first, 1000)]);
    let history = with("weightHistory", history).unwrap().weight_history;
    let ids: Vec<_> = history.iter().map(|entry| entry.id.to_string()).collect();
    assert_eq!(ids, [first, second]);
    for (count, kept) in [(999, 999), (1000, 1000), (1001, 1000)] {
        let history: Vec<_> = (0..count).map(|n| json!({"date": n, "weight": 70})).collect();
        let history = with("weightHistory", json!(history)).unwrap().weight_history;
        assert_eq!(
            (history.len(), history[kept - 1].date.as_millisecond()),
            (kept, count - 1)
        );
    }
}

#[test]
fn secrets_under_way_are_kept_as_the_directory_keeps_them() {
    let mut document = minimal();
    document["otp"] = json!("123456");
    document["otpExpiry"] = json!({"$date": 1000});
    document["resetPasswordToken"] = json!("token");
    document["resetPasswordExpires"] = json!({"$date": 2000});
    let user = read(document.to_string().as_bytes()).unwrap().user;
    assert_eq!(user.otp.unwrap().code.expose(), "123456");
    assert_eq!(user.reset_token.unwrap().sha256, Sha256::of(b"token"));
}

#[test]
fn picture_of_another_kind_costs_the_picture_alone() {
    for (value, kind) in [
        (json!(["/uploads/x.jpg"]), "an array"),
        (json!({"url": "/uploads/x.jpg"}), "an object"),
        (json!(7), "a number"),
        (json!(false), "true or false"),
    ] {
        let UserDocument { user, left_out } = document_with("profileImage", value).unwrap();
        assert_eq!(user.profile_image, None);
        let expected = format!("its profileImage is {kind} and not a text: the account comes without a picture");
        assert_eq!(left_out, Some(expected));
    }
    let id = document_with("cloudinaryId", json!(7)).unwrap();
    assert_eq!((id.user.cloudinary_id, id.left_out), (None, None));
    assert_eq!(with("weightHistory", Value::Null).unwrap().weight_history, []);
}

#[test]
fn id_of_a_rejected_document_is_read_where_it_can_be() {
    for (document, expected) in [
        (json!({"_id": {"$oid": ID}, "weightHistory": "x"}).to_string(), Some(ID)),
        (json!({"_id": ID}).to_string(), Some(ID)),
        (json!({"_id": 7}).to_string(), Some("7")),
        (json!({"_id": {"$uuid": "x"}}).to_string(), Some("{\"$uuid\":\"x\"}")),
        (json!({"_id": null}).to_string(), None),
        (json!({"name": "x"}).to_string(), None),
        ("{\"_id\": 7".to_owned(), None),
    ] {
        assert_eq!(id_of(document.as_bytes()).as_deref(), expected, "{document}");
    }
    let long = json!({"_id": "x".repeat(1000)}).to_string();
    assert_eq!(id_of(long.as_bytes()).unwrap().len(), MAX_ID_CHARACTERS);
}

#[test]
fn what_is_no_user_is_told_without_its_values() {
    for (field, value, expected) in [
        ("_id", Value::Null, "it has no _id"),
        ("_id", json!({"$oid": "66501234"}), "its _id cannot be read"),
        ("_id", json!(7), "its _id cannot be read"),
        ("name", Value::Null, "it has no name"),
        ("email", json!(""), "it has no email"),
        ("email", json!({"$ne": null}), "its email cannot be read"),
        ("password", Value::Null, "it has no password"),
        ("password", json!("hush-hush"), "its password is not a bcrypt hash"),
        ("role", json!("root"), "its role cannot be read"),
        ("suspended", json!("yes"), "its suspended cannot be read"),
        ("weight", json!({"$numberDouble": "NaN"}), "its weight cannot be read"),
        (
            "createdAt",
            json!({"$date": "yesterday"}),
            "its createdAt cannot be read",
        ),
        ("createdAt", json!({"$date": i64::MAX}), "its createdAt cannot be read"),
        (
            "weightHistory",
            json!([{"weight": 70}]),
            "its weightHistory cannot be read",
        ),
    ] {
        assert_eq!(with(field, value).unwrap_err().to_string(), expected);
    }
    for document in [
        "",
        "{\"password\":\"hush-hush\"",
        "7",
        "{\"weightHistory\":\"hush-hush\"}",
    ] {
        let error = read(document.as_bytes()).unwrap_err().to_string();
        assert!(
            error.starts_with("it is no JSON: line 1") && !error.contains("hush"),
            "{error}"
        );
    }
}
