// The statements that make a resource table from its view. Private to table.cc.
#pragma once

#include <string>
#include <string_view>

#include "library/converter/view.h"

namespace wellhead::resource {

// Whether Wellhead adds a column of that name to each resource table, or to the rows on their way into it.
bool is_reserved(std::string_view column);

// What the table owes to the view's columns, for applied_view: a change of any of it is a change of the table.
std::string columns_json(const converter::View& view);

std::string create_table_sql(const converter::View& view);
std::string add_column_sql(const converter::View& view, const converter::Column& column);
std::string indexes_sql(const converter::View& view);   // those that are missing
std::string comments_sql(const converter::View& view);  // all

}  // namespace wellhead::resource
