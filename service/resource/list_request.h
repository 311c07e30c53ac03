// A list as a request asks for it: its parameters become a shape and values for its statement, its cursor a place to go
// on from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/webserver/http.h"
#include "service/resource/list_query.h"
#include "service/resource/served_resource.h"

namespace wellhead::resource {

inline constexpr std::int64_t kDefaultLimit = 50;
inline constexpr std::int64_t kMaxLimit = 1000;

enum class CountKind { none, exact, estimated };

struct ListRequest {
  ListShape shape;
  std::vector<storage::Value> filter_values;    // of the filters and the zip code
  std::vector<storage::Value> position_values;  // of the cursor
  std::int64_t limit = kDefaultLimit;
  FieldMask fields;
  CountKind count = CountKind::none;
  std::string_view count_preference;  // as the header Prefer had it; empty when that did not decide
  std::string scope;                  // of its cursors
  std::string query;                  // of its next page, without the cursor

  std::vector<storage::Value> page_values() const;
};

// The id that a request names, by its pseudonym where the resource is shown de-identified. Error{not_found}: it is
// none.
std::string id_of(const ServedResource& resource, const webserver::Request& request, std::string_view noun);

// Throws InvalidArgument when the cursor is none of this list, or a filter takes a pseudonym and is given none. Below a
// patient: also what id_of() throws.
ListRequest read_list_request(const ServedResource& resource, const webserver::Request& request, bool below_patient);

// The URL of the page behind row `last`.
std::string next_page(const ServedResource& resource, const webserver::Request& request, const ListRequest& list,
                      const storage::Result& rows, int last);

// The names that `fields` and `sort` may have.
std::vector<std::string> field_names(const ResourceApi& api);
std::vector<std::string> sort_names(const ResourceApi& api);

}  // namespace wellhead::resource
