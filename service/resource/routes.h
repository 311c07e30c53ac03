// The read routes of a FHIR resource type, made from its view: the fields of its JSON are the view's columns (without
// those tagged `wellhead/api` hidden) and where the row came from; its filters are the columns tagged
// `wellhead/filter`, with operators where their type has an order (library/webserver/filters.h).
//
//   ResourceApi api;
//   api.table = ApiTable::of(patient_view());
//   api.path = "/patients"; …
//   add_routes(api, services, table);    // GET /patients, GET /patients/{id}, GET /patients/{id}/raw
//
// What is listed (docs/design/api.md): with a zip code, its patients as of its last complete run; else the rows whose
// latest sighting is not older than what the last complete run of their patient's zip code found. A single resource
// asked for by its id is always given. Rows that are no longer found are listed with include=no_longer_found.
//
// Lists are in the order of the primary key, page by page (keyset): complete and without repeats while loads go on.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "library/converter/view.h"
#include "library/storage/blob/blob_store.h"
#include "library/storage/postgres/async_connection.h"
#include "library/storage/postgres/export_connections.h"
#include "library/webserver/blocking_pool.h"
#include "library/webserver/route.h"
#include "service/resource/pseudonyms.h"

namespace wellhead::resource {

// A table as the API reads it.
struct ApiTable {
  std::string name;
  std::string description;
  std::vector<converter::Column> columns;
  // Of what is not shown as it is: SQL over t, by the column's name (deidentified.h).
  std::map<std::string, std::string> expressions = {};
  bool deidentified = false;

  static ApiTable of(const converter::View& view);
};

// Rows of another table inside of each resource, e.g. the components of an observation.
struct EmbeddedTable {
  ApiTable table;
  std::string field;
  std::vector<std::string> order_by;  // columns
};

// A filter that is called otherwise than its column, or needs an example.
struct FilterNote {
  std::string column;
  std::string parameter;
  std::string description;
  std::string example;
};

struct ResourceApi {
  ApiTable table;
  std::string name;            // one of them, as in operation ids and schemas: "patient"
  std::string schema;          // "Patient"; empty: by the name
  std::string noun, nouns;     // as in sentences: "patient", "patients"; empty: by the name
  std::string path;            // "/patients"
  std::string tag;             // "Patients"
  std::string patient_column;  // the column with the patient's id; its own id for patients
  std::vector<EmbeddedTable> embedded;
  std::vector<FilterNote> filter_notes;
  bool filter_by_zipcode = false;  // takes zipcode=
  // The same list below a patient, e.g. "/patients/{id}/observations"; empty: none.
  std::string path_below_patient;
  std::string example;  // one of them as JSON, for the documentation
};

// FHIR R4 §2.24.0.1: [A-Za-z0-9\-\.]{1,64}
bool is_fhir_id(std::string_view text);
webserver::Parameter id_parameter(webserver::ParameterIn in, std::string name, std::string description);
// An id, or its pseudonym (pseudonyms.h).
webserver::Parameter any_id_parameter(webserver::ParameterIn in, std::string name, std::string description);

// What the routes read through; all of it must outlive them.
struct ResourceServices {
  storage::AsyncConnections& connections;
  storage::ExportConnections& exports;  // for CSV and NDJSON
  webserver::BlockingPool& pool;
  storage::BlobStore* blobs = nullptr;     // for what is answered as FHIR; null: 503
  const Pseudonyms* pseudonyms = nullptr;  // for keys of the role deidentified; null: 403
};

void add_routes(const ResourceApi& api, const ResourceServices& services, webserver::RouteTable& table);

}  // namespace wellhead::resource
