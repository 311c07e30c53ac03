// What the API says of a table that has no words of its own: all but patients and observations.
#pragma once

#include "service/resource/resource_table.h"
#include "service/resource/routes.h"

namespace wellhead::resource {

// GET /{table}, /{table}/{id}, and /patients/{id}/{table} unless the rows are patients themselves. Parts stand inside
// of their rows, under their tables' names.
ResourceApi table_api(const ResourceTable& table);

// To the API of a built-in table: the parts that users have added.
void add_users_parts(const ResourceTable& table, ResourceApi& api);

}  // namespace wellhead::resource
