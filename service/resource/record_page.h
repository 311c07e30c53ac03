// Lists of records that PostgreSQL writes as JSON itself: two columns, the key that a cursor holds and the record. As
// JSON, NDJSON or CSV, always page by page.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/storage/postgres/connection.h"
#include "library/webserver/arguments.h"
#include "library/webserver/http.h"
#include "library/webserver/route.h"

namespace wellhead::resource {

// The names of a record's members, in the order of the columns of CSV.
using RecordMembers = std::vector<std::string>;
// Those of a JSON Schema's properties.
RecordMembers record_members(std::string_view schema);

// A page of at most `limit` records, with a link to the next when rows has one more. scope: what the cursor belongs to;
// query: of the next page, ending in & unless it is empty.
webserver::Response record_page(const webserver::Request& request, const std::string& scope, const std::string& query,
                                const RecordMembers& members, const storage::Result& rows);

// The key behind which the page begins; nullopt: at the first. Throws InvalidArgument for a cursor of something else.
std::optional<std::string> record_position(const webserver::Request& request, const std::string& scope);

// Adds the parameters format, limit and cursor.
void add_record_paging(std::vector<webserver::Parameter>& parameters);

// A page's other forms, for its documentation. line: one record as JSON.
std::vector<webserver::OtherContent> record_forms(const RecordMembers& members, const std::string& line);

}  // namespace wellhead::resource
