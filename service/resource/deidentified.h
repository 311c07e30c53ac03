// What a key of the role deidentified sees of a resource: HIPAA's Safe Harbor, 45 CFR 164.514(b)(2).
//
// A column is hidden unless its view marks it (tag wellhead/deidentified, library/converter/view.h). What is marked is
// made harmless by PostgreSQL, so that nothing else leaves it; ids alone become pseudonyms on their way out. Where the
// row came from is hidden, too: the run that loaded it would tell its zip code.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "library/webserver/http.h"
#include "service/resource/list_query.h"
#include "service/resource/routes.h"
#include "service/resource/served_resource.h"

namespace wellhead::resource {

// The API with those columns alone; nullopt where the view does not mark the key and the patient's id as pseudonyms.
// Error{invalid_view}: a column is marked in a way that does not go with its type.
std::optional<ResourceApi> deidentified(const ResourceApi& api);

// The prefixes of three digits that stand for 20,000 people or fewer by the census of 2000, which are shown as 000
// (guidance of HHS on the Safe Harbor method), as a list for SQL's IN.
std::string restricted_zip3();

// Whether a clause of a filter (library/webserver/filters.h) has a whole year as its operand.
bool is_year_clause(std::string_view text);

// 403, naming the parameters of a list that the key cannot use: filters and orders of what is hidden, dates more exact
// than years, zip codes, resources as they were received.
std::optional<webserver::Response> refuse_hidden(const ServedResource& full, const ServedResource& shown,
                                                 const webserver::Request& request);

}  // namespace wellhead::resource
