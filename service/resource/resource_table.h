// A table of one row a resource, with the tables of parts that hang on it: what a view becomes before it is loaded and
// served. Built-in views and those of users are the same from here on.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "library/converter/view.h"
#include "library/storage/postgres/loader.h"

namespace wellhead::resource {

struct ResourceTable {
  converter::View view;
  std::filesystem::path file;  // of a user's view; empty: built in
  std::string patient_column;  // of the view: the id of the patient that the row is about
  // Tables of any number of rows a resource. A row of the table above changes whenever one of its parts does.
  struct Part {
    converter::View view;
    std::filesystem::path file;
  };
  std::vector<Part> parts;

  const std::string& name() const { return view.name(); }
  const std::string& resource() const { return view.resource(); }
  bool built_in() const { return file.empty(); }
  // The place of patient_column among the view's columns.
  std::size_t patient_place() const;
  // Its own view, then its parts': what a Converter is made of.
  std::vector<converter::View> views() const;
  std::vector<std::string> table_names() const;
  std::vector<storage::TargetTable> targets() const;
  // Over what users wrote of it; empty when all of it is built in.
  std::string users_digest() const;
};

// "AllergyIntolerance" as "allergy intolerances".
std::string plural_of_type(std::string_view resource_type);

}  // namespace wellhead::resource
