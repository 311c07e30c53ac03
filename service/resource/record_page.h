// Lists of records that PostgreSQL writes as JSON itself: two columns, the key that a cursor holds and the record.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "library/storage/postgres/connection.h"
#include "library/webserver/arguments.h"
#include "library/webserver/http.h"

namespace wellhead::resource {

// A page of at most `limit` records, with a link to the next when rows has one more. scope: what the cursor belongs to;
// query: of the next page, ending in & unless it is empty.
webserver::Response record_page(const webserver::Request& request, const std::string& scope, const std::string& query,
                                const storage::Result& rows);

// The key behind which the page begins; nullopt: at the first. Throws InvalidArgument for a cursor of something else.
std::optional<std::string> record_position(const webserver::Request& request, const std::string& scope);

// Adds the parameters limit and cursor.
void add_record_paging(std::vector<webserver::Parameter>& parameters);

}  // namespace wellhead::resource
