// FHIR resources to rows: one pass over a resource's JSON gives the CSV rows of all views of its type.
//
// A Converter is compiled once from its views and is then cheap to run; it keeps scratch memory, so each thread has
// its own (copies share the compiled plan). Nothing here does I/O.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "library/converter/view.h"
#include "library/meta/digest.h"

namespace wellhead::converter {

// Why a resource cannot become a row. Names the column and the rule, never the value.
struct Rejection {
  std::string resource_id;  // empty when the resource has none
  std::string reason;
  // Nothing is wrong with it: the first view gives no row of it, as where its `where` leaves it out.
  bool no_row = false;
};

struct Context {
  // Base URL of the server the resources come from: an absolute reference below it counts as a relative one.
  std::string base_url;
  // The first view may give any number of rows, and resources of another type are passed over: for running a view by
  // itself, without a table behind it.
  bool any_rows = false;
};

// Where a row goes, ended by a line feed: after the view's own columns, in this order, stand digest (32 hex digits) and
// the caller's trailing bytes (CSV fields that the caller has formatted; may be empty).
struct CsvOutput {
  std::string bytes;       // appended to; the caller clears or compresses it away
  std::uint64_t rows = 0;  // counted up
};

class Converter {
 public:
  // The first view is the resource's own and must give exactly one row per resource, unless any_rows; the others
  // (components) any number. Throws Error{invalid_view} when there is no view or they are not of one resource type.
  Converter(const std::vector<View>& views, Context context);
  ~Converter();
  Converter(const Converter&);
  Converter(Converter&&) noexcept;
  Converter& operator=(Converter&&) noexcept;

  // Bytes past the end of `resource` must be readable for kPadding (they may hold anything). trailing: CSV fields put
  // after the digest of each row, with leading comma, e.g. ",17,3,5". outputs: one per view, in order.
  // The digest of the resource's own row covers its column values, its views' digests and the rows of the other views;
  // it does not cover trailing. On rejection nothing is appended to any output. Allocates nothing once buffers have
  // grown to the largest resource seen.
  //
  // Rejected: broken JSON (also where no column looks), a wanted field twice, another resourceType, a required column
  // without a value, a value of the wrong JSON type or outside its FHIR type's rule, more than one value for a column,
  // more or less than one row of the first view.
  std::expected<void, Rejection> convert(std::string_view resource, std::string_view trailing,
                                         std::span<CsvOutput> outputs);

  // The resource's logical id after a successful convert() (empty when it has none); valid until the next call.
  std::string_view resource_id() const;

  static constexpr std::size_t kPadding = 64;

 private:
  struct Plan;
  struct State;
  const char* convert_rows(std::string_view resource);
  Rejection rejection(const char* rule) const;
  void digest_rows();
  std::shared_ptr<const Plan> plan_;
  std::unique_ptr<State> state_;
};

}  // namespace wellhead::converter
