"""Cases that only a real HAPI FHIR server can show. ctest runs each alone (label hapi); see CMakeLists.txt and fixture.

Each case has zip codes, a database and a home of its own, and proves what landed by reading PostgreSQL and the server.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import compare
import fhir


def patient(identifier, zipcode, **more):
    return {"resourceType": "Patient", "id": identifier, "address": [{"use": "home", "postalCode": zipcode}], **more}


def observation(identifier, subject, **more):
    return {"resourceType": "Observation", "id": identifier, "status": "final", "subject": {"reference": subject},
            "code": {"coding": [{"system": "http://loinc.org", "code": "8302-2"}]}, **more}


class Cases(unittest.TestCase):
    def setUp(self):
        self.server = fhir.Server((pathlib.Path(os.environ["WELLHEAD_HAPI"]) / "url").read_text().strip())
        self.addCleanup(self.server.connection.close)
        self.server.faults()
        self.addCleanup(self.server.faults)
        self.home = tempfile.mkdtemp(prefix="wellhead-hapi-")
        self.addCleanup(shutil.rmtree, self.home)
        self.database = self.new_database()

    def new_database(self):
        cluster, name = os.environ["WELLHEAD_TEST_DATABASE_URL"], f"hapi_{os.getpid()}"
        subprocess.run(["psql", "-Xqc", f"CREATE DATABASE {name}", cluster], check=True)
        self.addCleanup(subprocess.run, ["psql", "-Xqc", f"DROP DATABASE {name} WITH (FORCE)", cluster], check=True)
        return cluster.replace("/postgres?", f"/{name}?")

    def run_load(self, *arguments, **environment):
        settings = {"WELLHEAD_SOURCE_URL": self.server.base, "WELLHEAD_DATABASE_URL": self.database, "WELLHEAD_HOME": self.home,
                    "WELLHEAD_RETRY_DELAY": "50ms"}
        outside = {name: value for name, value in os.environ.items() if not name.startswith("WELLHEAD")}
        return subprocess.run([os.environ["WELLHEAD"], "load", *arguments], env={**outside, **settings, **environment},
                              cwd=self.home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=400)

    def load(self, *arguments, **environment):
        """A load that must end well; its receipts by resource type, of the latest run."""
        done = self.run_load(*arguments, **environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return self.receipts()

    def receipts(self):
        latest = compare.rows_of(self.database, "receipt", "run_id = (SELECT max(run_id) FROM run)")
        for one in latest:
            self.assertEqual(one["verdict"], "complete", one)
        return {one["resource_type"]: one for one in latest}

    def rows(self, table, condition="true"):
        return compare.rows_of(self.database, table, condition)

    def assert_equal_to_server(self, *zipcodes):
        self.assertEqual(compare.compare(self.server, self.database, zipcodes)[:20], [])

    # --- the sample, whole ---

    def test_sample_is_equal_and_a_second_load_changes_nothing(self):
        self.load("02139", "02115", "02155")
        self.assert_equal_to_server("02139", "02115", "02155")
        before = {row["id"]: row["digest"] for row in self.rows("observation")}
        self.load("02139", "02115", "02155")
        second = self.rows("receipt", "run_id > 3")
        self.assertEqual({(one["inserted"], one["updated"]) for one in second}, {(0, 0)})
        self.assertEqual({row["id"]: row["digest"] for row in self.rows("observation")}, before)

    def test_observations_of_several_patients_a_search(self):
        self.load("02155", "--observations", "batched")
        self.assert_equal_to_server("02155")

    def test_observations_one_patient_a_search(self):
        self.load("02155", "--observations", "per-patient")
        self.assert_equal_to_server("02155")

    # --- zip codes ---

    def test_a_zip_code_takes_zip_plus_4_but_no_longer_number(self):
        self.server.put([patient("zip-plain", "10001"), patient("zip-plus4", "10001-1234"), patient("zip-longer", "100019"),
                         patient("zip-old", "10001", address=[{"use": "old", "postalCode": "10001"},
                                                               {"use": "home", "postalCode": "10002"}])])
        receipt = self.load("10001")["Patient"]
        self.assertEqual({row["patient_id"] for row in self.rows("zipcode_patient")}, {"zip-plain", "zip-plus4", "zip-old"})
        self.assertEqual((receipt["entries_received"], receipt["out_of_zip"], receipt["staged"]), (4, 1, 3))
        self.assertEqual([row["postal_code"] for row in self.rows("patient", "id = 'zip-old'")], ["10002"])

    def test_a_zip_code_without_patients(self):
        receipt = self.load("10003")["Patient"]
        self.assertEqual((receipt["server_total_before"], receipt["entries_received"]), (0, 0))

    # --- searches ---

    def test_a_cached_search_is_not_taken_for_an_answer(self):
        self.server.put([patient("cached-1", "10011")])
        self.load("10011")
        self.server.put([patient("cached-2", "10011"), observation("cached-2-o", "Patient/cached-2")])
        receipt = self.load("10011")["Patient"]
        self.assertEqual((receipt["inserted"], receipt["unchanged"]), (1, 1))
        self.assert_equal_to_server("10011")

    def test_an_expired_page_link_starts_its_search_again(self):
        self.server.faults(cursors=2)
        receipt = self.load("02155", "--page-size", "4")["Patient"]
        self.assertEqual(self.server.faults_struck(), {410: 2})
        self.assertGreater(receipt["requests"], 5)
        self.assert_equal_to_server("02155")

    def test_a_deleted_patient_is_kept_and_counted(self):
        self.server.put([patient("gone-1", "10021"), patient("gone-2", "10021"), observation("gone-1-o", "Patient/gone-1")])
        self.load("10021")
        self.server.delete("Observation/gone-1-o")
        self.server.delete("Patient/gone-1")
        receipts = self.load("10021")
        self.assertEqual((receipts["Patient"]["no_longer_found"], receipts["Patient"]["unchanged"]), (1, 1))
        self.assertEqual(len(self.rows("patient")), 2)
        self.assertEqual(len(self.rows("observation")), 1)

    def test_a_patient_of_many_observations(self):
        self.server.put([patient("many", "10031")])
        self.server.put([observation(f"many-{number}", "Patient/many", valueQuantity={"value": number}) for number in range(1500)])
        receipt = self.load("10031")["Observation"]
        self.assertEqual(receipt["staged"], 1500)
        self.assert_equal_to_server("10031")

    # --- content ---

    def test_a_null_character_rejects_that_resource_alone(self):
        text = json.dumps(patient("nul", "10041", name=[{"family": "Null"}])).replace("Null", "Nu\\u0000l")
        self.server.put([("Patient/nul", text), patient("nul-not", "10041")])
        receipt = self.load("10041")["Patient"]
        self.assertEqual((receipt["rejected"], receipt["staged"]), (1, 1))
        reject = self.rows("reject")[0]
        self.assertEqual((reject["resource_type"], reject["resource_id"]), ("Patient", "nul"))
        self.assertIn("\\u0000", reject["reason"])

    def test_partial_dates_keep_their_truth(self):
        self.server.put([patient("date-year", "10051", birthDate="1980"), patient("date-month", "10051", birthDate="1980-05"),
                         patient("date-day", "10051", birthDate="1980-05-17"), patient("date-far", "10051", birthDate="2999"),
                         patient("date-none", "10051", _birthDate={"extension": [
                             {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]})])
        self.load("10051")
        self.assertEqual({row["id"]: (row["birth_date"], row["birth_date_text"], row["birth_date_precision"])
                          for row in self.rows("patient")},
                         {"date-year": ("1980-01-01", "1980", "year"), "date-month": ("1980-05-01", "1980-05", "month"),
                          "date-day": ("1980-05-17", "1980-05-17", "day"), "date-far": ("2999-01-01", "2999", "year"),
                          "date-none": (None, None, None)})

    def test_decimals_stay_exact(self):
        digits = "0.12345678901234567890123456789012345678901234567890"
        self.server.put([patient("exact", "10061")])
        for name, number in (("trailing", "7.40"), ("long", digits), ("large", "123456789012345678901234567890")):
            text = json.dumps(observation(f"exact-{name}", "Patient/exact", valueQuantity={"value": 0}))
            self.server.put([(f"Observation/exact-{name}", text.replace('"value": 0', f'"value": {number}'))])
        self.load("10061")
        self.assertEqual({row["id"]: str(row["value_number"]) for row in self.rows("observation")},
                         {"exact-trailing": "7.40", "exact-long": digits, "exact-large": "123456789012345678901234567890"})

    def test_instants_at_the_edges(self):
        self.server.put([patient("edge", "10071"),
                         observation("edge-zone", "Patient/edge", effectiveDateTime="2020-01-01T13:00:00.123456789+14:00"),
                         observation("edge-leap", "Patient/edge", effectiveDateTime="2016-12-31T23:59:60Z"),
                         observation("edge-reversed", "Patient/edge",
                                     effectivePeriod={"start": "2020-02-02", "end": "2020-01-01"})])
        receipt = self.load("10071")["Observation"]
        self.assertEqual((receipt["staged"], receipt["rejected"]), (3, 0))
        rows = {row["id"]: row for row in self.rows("observation")}
        self.assertEqual(rows["edge-zone"]["effective_start"][:26], "2019-12-31T23:00:00.123457")
        self.assertEqual(rows["edge-leap"]["effective_start_text"], "2016-12-31T23:59:60Z")
        self.assertEqual(rows["edge-reversed"]["effective_end_text"], "2020-01-01")

    def test_subjects_are_taken_as_the_server_finds_them(self):
        """HAPI does not find an observation by patient whose subject is an absolute URL of itself; then it is not ours either."""
        absolute = f"{self.server.base}/Patient/subject"
        self.server.put([patient("subject", "10081"), observation("subject-plain", "Patient/subject"),
                         observation("subject-absolute", absolute), observation("subject-dangling", "Patient/nobody")])
        found = {one["id"] for one in self.server.search("Observation?patient=subject")}
        receipt = self.load("10081")["Observation"]
        self.assertIn("subject-plain", found)
        self.assertEqual({row["id"]: row["patient_id"] for row in self.rows("observation")}, dict.fromkeys(found, "subject"))
        self.assertEqual((receipt["rejected"], receipt["missing"]), (0, 0))

    # --- a server that says no ---

    def test_a_token_is_wanted(self):
        self.server.faults(token="a-good-one")
        wrong = self.run_load("02155", WELLHEAD_SOURCE_TOKEN="a-bad-one")
        self.assertEqual(wrong.returncode, 1, wrong.stderr)
        self.assertIn("401", wrong.stdout + wrong.stderr)
        self.assertNotIn("a-bad-one", wrong.stdout + wrong.stderr)
        self.assertEqual([run["state"] for run in self.rows("run")], ["failed"])
        token = pathlib.Path(self.home, "token")
        token.write_text("a-good-one\n")
        self.load("02155", WELLHEAD_SOURCE_TOKEN_FILE=str(token))
        self.server.faults()
        self.assert_equal_to_server("02155")

    def test_a_server_that_throttles(self):
        self.server.faults(rps=2)
        receipts = self.load("02155", "--observations", "per-patient", "--retry-attempts", "20")
        self.assertIn(429, self.server.faults_struck())
        self.assertGreater(sum(one["retries"] for one in receipts.values()), 0)
        self.server.faults()
        self.assert_equal_to_server("02155")

    def test_a_server_with_outages(self):
        self.server.faults(p503=0.3)
        self.load("02155", "--observations", "per-patient", "--retry-attempts", "10")
        self.assertIn(503, self.server.faults_struck())
        self.server.faults()
        self.assert_equal_to_server("02155")

    def test_connections_that_the_server_closed_meanwhile(self):
        """The fixture's server closes a connection after two idle seconds; one request a second leaves five slots idle for longer."""
        self.server.put([patient(f"idle-{number}", "10091") for number in range(8)])
        receipts = self.load("10091", "--observations", "per-patient", "--request-rate", "1", "--concurrency", "5")
        self.assertEqual(receipts["Patient"]["staged"], 8)


if __name__ == "__main__":
    unittest.main()
