"""The official Python SDK against a running visage; see node/sdk.test.js for what the environment says."""

import json
import os
import pathlib
import time
import unittest
import urllib.error
import urllib.request

import cloudinary
import cloudinary.api
import cloudinary.exceptions
import cloudinary.search
import cloudinary.uploader
import cloudinary.utils
from cloudinary import api, uploader

FILES = pathlib.Path(os.environ["FILES"])
PHOTO = str(FILES / "photo.png")
SERVER = os.environ["FILE_SERVER"]
RUN = f"p{os.getpid()}"


def name(text):
    return f"{RUN}/{text}"


def get(url, headers=None):
    """Status, headers and body."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {})) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


class Sdk(unittest.TestCase):
    def refused(self, kind, call, *args, **options):
        with self.assertRaises(kind) as caught:
            call(*args, **options)
        return str(caught.exception)

    def test_service(self):
        ping = api.ping()
        self.assertEqual(ping["status"], "ok")
        self.assertGreater(ping.rate_limit_remaining, 0)
        self.assertEqual(api.config(settings=True)["settings"]["folder_mode"], "dynamic")
        self.assertNotIn("limit", api.usage(date="25-06-2024")["bandwidth"])
        self.assertEqual(api.resource_types()["resource_types"], ["image", "raw", "video"])

    def test_upload(self):
        done = uploader.upload(
            PHOTO, public_id=name("a"), tags=["b", "a"], context={"alt": "a|b=c"}, eager=[{"width": 20, "crop": "scale"}],
            faces=True, colors=True, phash=True, media_metadata=True, return_delete_token=True,
        )
        self.assertEqual((done["public_id"], done["format"], done["width"]), (name("a"), "png", 120))
        self.assertEqual((done["tags"], done["context"]["custom"]["alt"]), (["a", "b"], "a|b=c"))
        self.assertTrue(cloudinary.utils.verify_api_response_signature(done["public_id"], done["version"], done["signature"]))
        self.assertEqual(get(done["secure_url"])[2], (FILES / "photo.png").read_bytes())
        self.assertEqual(done["eager"][0]["width"], 20)
        self.assertEqual(uploader.upload(f"{SERVER}/photo.png", public_id=name("remote"))["bytes"], done["bytes"])
        self.assertIn("faces", api.resource(name("a"), faces=True))

    def test_refusals(self):
        error = cloudinary.exceptions
        self.assertEqual(self.refused(error.Error, uploader.upload, "data:image/png;base64,aGVsbG8="), "Invalid image file")
        self.assertIn("Invalid Signature", self.refused(error.Error, uploader.upload, PHOTO, api_secret="wrong"))
        self.assertIn("Resource not found", self.refused(error.NotFound, api.resource, "no/such"))
        self.assertIn("mismatch", self.refused(error.AuthorizationRequired, api.ping, api_secret="wrong"))
        self.assertIn("Invalid token", self.refused(error.AuthorizationRequired, api.ping, oauth_token="wrong"))

    def test_unsigned(self):
        api.create_upload_preset(name=f"{RUN}-open", unsigned=True, folder=RUN, tags=["preset"])
        done = uploader.unsigned_upload(PHOTO, f"{RUN}-open", tags="mine")
        self.assertEqual(done["tags"], ["mine", "preset"])
        self.assertEqual(api.upload_preset(f"{RUN}-open")["settings"]["tags"], ["preset"])
        self.assertEqual(api.delete_upload_preset(f"{RUN}-open")["message"], "deleted")

    def test_large_files_come_in_parts(self):
        large = FILES / "large.bin"
        done = uploader.upload_large(str(large), public_id=name("large.bin"), chunk_size=5 * 1024 * 1024 + 100)
        self.assertEqual((done["bytes"], done["resource_type"]), (large.stat().st_size, "raw"))
        self.assertEqual(get(done["secure_url"])[2], large.read_bytes())
        small = uploader.upload_large(PHOTO, resource_type="image", public_id=name("small"))
        self.assertEqual(small["width"], 120)

    def test_protected_assets(self):
        secret = uploader.upload(PHOTO, public_id=name("secret"), type="authenticated")
        base = secret["secure_url"].split("/image/")[0].rsplit("/", 1)[0]

        def own(url):
            return base + "/" + url.split("/", 3)[3]

        unsigned, _ = cloudinary.utils.cloudinary_url(name("secret"), type="authenticated", format="png")
        self.assertEqual(get(own(unsigned))[0], 401)
        for long in (False, True):
            signed, _ = cloudinary.utils.cloudinary_url(
                name("secret"), type="authenticated", format="png", sign_url=True, long_url_signature=long, width=10, crop="scale"
            )
            self.assertEqual(get(own(signed))[0], 200)
        token = cloudinary.utils.cloudinary_url(
            name("secret"), type="authenticated", format="png", sign_url=True, version=secret["version"],
            auth_token={"key": os.environ["AUTH_TOKEN_KEY"], "duration": 300},
        )[0]
        self.assertEqual(get(own(token))[0], 200)
        self.assertEqual(get(own(token).replace("hmac=", "hmac=0"))[0], 401)

    def test_changes(self):
        one, two = name("c1"), name("c2")
        first = uploader.upload(PHOTO, public_id=one)
        uploader.upload(PHOTO, public_id=two)
        self.assertEqual(uploader.add_tag(f"{RUN}-t", [one, two])["public_ids"], [one, two])
        uploader.remove_tag(f"{RUN}-t", [two])
        self.assertEqual([found["public_id"] for found in api.resources_by_tag(f"{RUN}-t")["resources"]], [one])
        uploader.add_context({"k": "v"}, [one])
        self.assertEqual(api.resource(one)["context"]["custom"], {"k": "v"})
        uploader.remove_all_tags([one])
        self.assertNotIn("tags", api.resource(one))
        renamed = uploader.rename(one, name("c3"), to_type="private")
        self.assertEqual((renamed["type"], renamed["asset_id"]), ("private", first["asset_id"]))
        self.assertEqual(uploader.destroy(name("c3"), type="private")["result"], "ok")
        self.assertEqual(uploader.destroy(name("c3"), type="private")["result"], "not found")
        updated = api.update(two, tags="x,y", face_coordinates=[[1, 2, 3, 4]], asset_folder=f"{RUN}/f")
        self.assertEqual((updated["tags"], updated["asset_folder"]), (["x", "y"], f"{RUN}/f"))
        self.assertEqual(api.resource(two, coordinates=True)["coordinates"]["faces"], [[1, 2, 3, 4]])

    def test_lists_and_searches(self):
        ids = [name(f"list/{end}") for end in "abc"]
        for public_id in ids:
            uploader.upload(PHOTO, public_id=public_id, tags=[f"{RUN}-l"])
        page = api.resources(type="upload", prefix=name("list/"), max_results=2)
        rest = api.resources(type="upload", prefix=name("list/"), max_results=2, next_cursor=page["next_cursor"])
        self.assertEqual([found["public_id"] for found in page["resources"] + rest["resources"]], ids)
        self.assertNotIn("next_cursor", rest)
        self.assertEqual(len(api.resources_by_ids(ids[:2] + ["no"])["resources"]), 2)
        found = cloudinary.search.Search().expression(f"tags={RUN}-l AND bytes>100").sort_by("public_id", "desc").execute()
        self.assertEqual([one["public_id"] for one in found["resources"]], ids[::-1])
        self.assertEqual(found["total_count"], 3)
        uploader.upload(PHOTO, public_id=name("shelf/x"), asset_folder=f"{RUN}/shelf")
        self.assertEqual(api.resources_by_asset_folder(f"{RUN}/shelf")["resources"][0]["public_id"], name("shelf/x"))
        folders = cloudinary.search_folders.SearchFolders().expression(f"path={RUN}/shelf").execute()
        self.assertEqual(folders["folders"][0]["path"], f"{RUN}/shelf")

    def test_deletions_and_backups(self):
        public_id = name("kept")
        first = uploader.upload(PHOTO, public_id=public_id, backup=True)
        self.assertEqual(api.delete_resources([public_id, "no"])["deleted"], {public_id: "deleted", "no": "not_found"})
        self.assertEqual(api.restore([public_id])[public_id]["etag"], first["etag"])
        self.assertEqual(api.delete_resources_by_prefix(name("kept"))["deleted"], {public_id: "deleted"})

    def test_folders_presets_and_transformations(self):
        self.assertTrue(api.create_folder(f"{RUN}/p q/r")["success"])
        self.assertEqual([found["name"] for found in api.subfolders(f"{RUN}/p q")["folders"]], ["r"])
        self.assertEqual(api.rename_folder(f"{RUN}/p q", f"{RUN}/s")["to"]["path"], f"{RUN}/s")
        self.assertEqual(api.delete_folder(f"{RUN}/s")["deleted"], [f"{RUN}/s", f"{RUN}/s/r"])
        named = f"{RUN}_t"
        self.assertEqual(api.create_transformation(named, {"width": 11, "crop": "scale"})["message"], "created")
        self.assertEqual(api.transformation(named)["info"], [{"crop": "scale", "width": 11}])
        with self.assertRaises(cloudinary.exceptions.AlreadyExists):
            api.create_transformation(named, {"width": 1})
        self.assertEqual(api.update_transformation(named, unsafe_update={"width": 12})["message"], "updated")
        self.assertEqual(api.delete_transformation(named)["message"], "deleted")

    def test_metadata_and_archives(self):
        field = f"{RUN}_number"
        api.add_metadata_field({"external_id": field, "label": "N", "type": "integer"})
        uploader.upload(PHOTO, public_id=name("meta"), metadata={field: 5}, tags=[f"{RUN}-z"])
        self.assertEqual(api.resource(name("meta"))["metadata"], {field: 5})
        uploader.update_metadata({field: 7}, [name("meta")])
        self.assertEqual(api.resource(name("meta"))["metadata"], {field: 7})
        self.assertEqual(api.delete_metadata_field(field)["message"], "ok")
        done = uploader.create_zip(tags=[f"{RUN}-z"], transformations=[{"width": 5}, {"width": 6}])
        self.assertEqual((done["resource_count"], done["file_count"]), (1, 2))
        self.assertEqual(get(done["secure_url"])[2][:2], b"PK")

    def test_answers_that_the_own_suite_expects(self):
        one = name("own")
        box = [[10, 20, 300, 400]]
        done = uploader.upload(
            PHOTO, public_id=one, face_coordinates=box, custom_coordinates=[1, 2, 3, 4], faces=True, asset_folder=f"{RUN}/own",
            responsive_breakpoints={"create_derived": False, "transformation": {"angle": 90}},
        )
        self.assertEqual(done["faces"], [[10, 20, min(300, done["width"]), min(400, done["height"])]])
        found = done["responsive_breakpoints"][0]
        self.assertEqual((found["transformation"], found["breakpoints"][0]["width"]), ("a_90", done["height"]))
        uploader.explicit(one, type="upload", face_coordinates=box)
        self.assertEqual(api.resource(one, coordinates=True)["coordinates"], {"faces": box, "custom": [[1, 2, 3, 4]]})
        self.assertEqual(api.resources_by_asset_folder(f"{RUN}/own")["total_count"], 1)
        found = cloudinary.search.Search().expression(f"public_id={one}").with_field("image_metadata").execute()
        self.assertIn("image_metadata", found["resources"][0])
        text = "c_scale,w_102/"
        api.create_transformation(text, {"width": 102, "crop": "scale", "format": ""})
        self.assertEqual(api.transformation(text)["info"], [{"crop": "scale", "width": 102, "extension": "none"}])
        self.assertEqual(api.delete_transformation(text)["message"], "deleted")
        with self.assertRaisesRegex(cloudinary.exceptions.BadRequest, "Illegal value"):
            api.update(one, raw_convert="illegal")

    def test_notifications(self):
        uploader.upload(PHOTO, public_id=name("told"), notification_url=f"{SERVER}/hook")
        deadline = time.monotonic() + 60
        hooks = []
        while not hooks and time.monotonic() < deadline:
            hooks = [hook for hook in json.loads(get(f"{SERVER}/hooks")[2]) if name("told") in hook["body"]]
            if not hooks:
                time.sleep(0.1)
        self.assertTrue(hooks, "nothing is told")
        hook = hooks[0]
        self.assertTrue(cloudinary.utils.verify_notification_signature(hook["body"], int(hook["timestamp"]), hook["signature"]))


if __name__ == "__main__":
    unittest.main()
