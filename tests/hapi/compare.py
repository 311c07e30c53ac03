"""compare.py BASE DATABASE_URL ZIP...: holds every patient and observation in PostgreSQL against what the FHIR server has.

Both sides are read whole and compared field by field. What a row should say is worked out here from the resource, with nothing
of Wellhead's converter or views, so that one can be wrong without the other.
"""

import datetime
import decimal
import json
import re
import subprocess
import sys

import fhir

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"


# --- what a row should say ---------------------------------------------------------------------------------------------

def first(items, default=None):
    return next((item for item in items if item is not None), default)


def coding(concept):
    return (concept or {}).get("coding", [{}])[0]


def concept_text(concept):
    return first([coding(concept).get("display"), (concept or {}).get("text")])


def concepts_code(concepts):
    codes = [one.get("code") for concept in concepts or [] for one in concept.get("coding", [])]
    return first(codes + [concept.get("text") for concept in concepts or []])


def preferred_coding(concept):
    codings = (concept or {}).get("coding", [])
    return first([one for one in codings if one.get("system") == LOINC] + codings, {})


def precision(text):
    if text is None:
        return None
    if "T" in text:
        return "fraction" if "." in text else "second"
    return {4: "year", 7: "month", 10: "day"}[len(text)]


def instant(text):
    """A FHIR dateTime as an instant; what is missing counts as its beginning, in UTC."""
    if text is None:
        return None
    text = text + {4: "-01-01", 7: "-01"}.get(len(text), "")
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)


def reference_id(reference, kind, base):
    text = (reference or {}).get("reference", "")
    text = text.removeprefix(base + "/")
    match = re.fullmatch(kind + r"/([A-Za-z0-9\-.]{1,64})(/_history/[^/]+)?", text)
    return match and match.group(1)


def us_core(patient, name):
    extension = next((one for one in patient.get("extension", []) if one["url"] == US_CORE + name), {})
    parts = {part["url"]: part for part in reversed(extension.get("extension", []))}
    category = parts.get("ombCategory", {}).get("valueCoding", {})
    return first([parts.get("text", {}).get("valueString"), category.get("display")]), category.get("code")


def telecom(patient, system):
    contacts = [one for one in patient.get("telecom", []) if one.get("system") == system]
    current = [one for one in contacts if one.get("use") != "old" and "end" not in one.get("period", {})]
    return first([one.get("value") for one in current + contacts])


def chosen(items, *uses):
    """The first current one of the first use that there is; else the first that is not old; else the first."""
    for use in uses:
        for one in items:
            if one.get("use") == use and "end" not in one.get("period", {}):
                return one
    return first([one for one in items if one.get("use") != "old"] + items, {})


def joined(words, separator=" "):
    return separator.join(words) if words else None


def patient_row(patient, _base):
    name = chosen(patient.get("name", []), "official", "usual")
    address = chosen(patient.get("address", []), "home")
    words = name.get("prefix", []) + name.get("given", []) + [name.get("family")] + name.get("suffix", [])
    records = [one for one in patient.get("identifier", [])
               if "MR" in [code.get("code") for code in one.get("type", {}).get("coding", [])]]
    languages = sorted(patient.get("communication", []), key=lambda one: not one.get("preferred", False))
    birth = patient.get("birthDate")
    race, race_code = us_core(patient, "race")
    ethnicity, ethnicity_code = us_core(patient, "ethnicity")
    return {
        "id": patient["id"],
        "version_id": patient["meta"]["versionId"],
        "last_updated": instant(patient["meta"]["lastUpdated"]),
        "active": patient.get("active"),
        "mrn": first([one.get("value") for one in records]),
        "mrn_system": records[0].get("system") if records else None,
        "family": name.get("family"),
        "given": joined(name.get("given")),
        "prefix": joined(name.get("prefix")),
        "suffix": joined(name.get("suffix")),
        "display_name": name.get("text") or joined([word for word in words if word]),
        "gender": patient.get("gender"),
        "birth_date": birth and birth + {4: "-01-01", 7: "-01"}.get(len(birth), ""),
        "birth_date_text": birth,
        "birth_date_precision": precision(birth),
        "deceased": True if "deceasedDateTime" in patient else patient.get("deceasedBoolean"),
        "deceased_at": instant(patient.get("deceasedDateTime")),
        "deceased_at_text": patient.get("deceasedDateTime"),
        "marital_status": coding(patient.get("maritalStatus")).get("code"),
        "marital_status_display": concept_text(patient.get("maritalStatus")),
        "language": first([coding(one["language"]).get("code") for one in languages]),
        "race": race,
        "race_code": race_code,
        "ethnicity": ethnicity,
        "ethnicity_code": ethnicity_code,
        "phone": telecom(patient, "phone"),
        "email": telecom(patient, "email"),
        "address_line": joined(address.get("line"), ", "),
        "city": address.get("city"),
        "state": address.get("state"),
        "postal_code": address.get("postalCode"),
        "country": address.get("country"),
    }


def value_row(resource):
    """The columns that an observation and a component share."""
    code = preferred_coding(resource.get("code"))
    quantity = resource.get("valueQuantity", {})
    coded = resource.get("valueCodeableConcept")
    limits = resource.get("referenceRange", [{}])[0]
    return {
        "code_system": code.get("system"),
        "code": code.get("code"),
        "code_display": code.get("display"),
        "code_text": resource.get("code", {}).get("text"),
        "value_number": quantity.get("value"),
        "value_comparator": quantity.get("comparator"),
        "value_unit": quantity.get("unit"),
        "value_code": quantity.get("code") if quantity.get("system") == UCUM else None,
        "value_text": resource.get("valueString"),
        "value_coded_system": coding(coded).get("system"),
        "value_coded": coding(coded).get("code"),
        "value_coded_display": concept_text(coded),
        "value_boolean": resource.get("valueBoolean"),
        "value_integer": resource.get("valueInteger"),
        "value_date_time": instant(resource.get("valueDateTime")),
        "value_date_time_text": resource.get("valueDateTime"),
        "data_absent_reason": concepts_code([resource.get("dataAbsentReason", {})]),
        "interpretation": concepts_code(resource.get("interpretation")),
        "reference_low": limits.get("low", {}).get("value"),
        "reference_high": limits.get("high", {}).get("value"),
        "reference_text": limits.get("text"),
    }


def observation_row(observation, base):
    period = observation.get("effectivePeriod", {})
    start = first([observation.get("effectiveDateTime"), observation.get("effectiveInstant"), period.get("start")])
    return {
        "id": observation["id"],
        "version_id": observation["meta"]["versionId"],
        "last_updated": instant(observation["meta"]["lastUpdated"]),
        "patient_id": reference_id(observation.get("subject"), "Patient", base),
        "encounter_id": reference_id(observation.get("encounter"), "Encounter", base),
        "status": observation["status"],
        "category": concepts_code(observation.get("category")),
        "effective_start": instant(start),
        "effective_start_text": start,
        "effective_end": instant(period.get("end")),
        "effective_end_text": period.get("end"),
        "issued": instant(observation.get("issued")),
        "body_site": coding(observation.get("bodySite")).get("code"),
        "body_site_display": concept_text(observation.get("bodySite")),
        "method": coding(observation.get("method")).get("code"),
        "method_display": concept_text(observation.get("method")),
        **value_row(observation),
    }


def component_rows(observation):
    return [{"observation_id": observation["id"], "component_index": index, **value_row(component)}
            for index, component in enumerate(observation.get("component", []))]


# --- the two sides -----------------------------------------------------------------------------------------------------

def exact(text):
    """JSON with its decimals as they are written: 7.40 is not 7.4."""
    return json.loads(text, parse_float=decimal.Decimal)


def rows_of(database, table, condition):
    """Rows as dicts, decimals exact."""
    answer = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c",
                             f"SET timezone = 'UTC'; SELECT row_to_json(t) FROM {table} t WHERE {condition}", database],
                            check=True, capture_output=True, text=True).stdout
    return [exact(line) for line in answer.splitlines()]


def same(expected, actual):
    if isinstance(expected, datetime.datetime):
        return actual is not None and instant(actual) == expected
    if isinstance(expected, decimal.Decimal):
        return str(expected) == str(actual)
    return expected == actual


class Comparison:
    def __init__(self):
        self.differences, self.fields = [], 0

    def rows(self, table, expected, actual):
        """Both by key. Every row of either side has its counterpart, and says the same."""
        for key in expected.keys() - actual.keys():
            self.differences.append(f"{table} {key}: the server has it, PostgreSQL does not")
        for key in actual.keys() - expected.keys():
            self.differences.append(f"{table} {key}: PostgreSQL has it, the server does not")
        for key in expected.keys() & actual.keys():
            for field, value in expected[key].items():
                self.fields += 1
                if not same(value, actual[key][field]):
                    self.differences.append(f"{table} {key} {field}: should be {value!r}, is {actual[key][field]!r}")


def in_zipcode(patient, zipcode):
    return any(re.fullmatch(zipcode + r"(-?|-\d{4})", address.get("postalCode", "")) for address in patient.get("address", []))


def compare(server, database, zipcodes):
    comparison = Comparison()
    listed = ", ".join(f"'{zipcode}'" for zipcode in zipcodes)
    here = f"SELECT patient_id FROM zipcode_patient WHERE zipcode IN ({listed})"
    patients = {one["id"]: one for one in server.search("Patient?_count=200")
                if any(in_zipcode(one, zipcode) for zipcode in zipcodes)}
    observations = {one["id"]: one for one in server.search("Observation?_count=200")
                    if reference_id(one.get("subject"), "Patient", "") in patients}

    comparison.rows("patient", {key: patient_row(one, server.base) for key, one in patients.items()},
                    {row["id"]: row for row in rows_of(database, "patient", f"id IN ({here})")})
    comparison.rows("observation", {key: observation_row(one, server.base) for key, one in observations.items()},
                    {row["id"]: row for row in rows_of(database, "observation", f"patient_id IN ({here})")})
    components = [row for one in observations.values() for row in component_rows(one)]
    of_these = f"observation_id IN (SELECT id FROM observation WHERE patient_id IN ({here}))"
    comparison.rows("observation_component", {(row["observation_id"], row["component_index"]): row for row in components},
                    {(row["observation_id"], row["component_index"]): row
                     for row in rows_of(database, "observation_component", of_these)})
    print(f"compared {len(patients)} patients, {len(observations)} observations, {len(components)} components: "
          f"{comparison.fields} fields, {len(comparison.differences)} differences")
    return comparison.differences


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    differences = compare(fhir.Server(sys.argv[1]), sys.argv[2], sys.argv[3:])
    for difference in differences[:40]:
        print(difference, file=sys.stderr)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
