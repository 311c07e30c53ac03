// A resource as pieces of ready JSON text with slots between them, so that generating one is copying.
//
// A slot stands in a string of the template as {{name a b c}}; a string that is only {{number …}} becomes a JSON
// number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wellhead::fhirsim {

enum class Slot : std::uint8_t {
  end,           // no slot: the text behind the last one
  id,            // the resource's logical id
  patient,       // id of the patient
  encounter,     // id of the encounter
  effective,     // when it was observed, to the second
  issued,        // the same with milliseconds
  last_updated,  // meta.lastUpdated
  number,        // number LOW HIGH DECIMALS: LOW to HIGH in units of the last decimal
  digits,        // digits N: N digits
  family,        // family I, male I, female I, street I: a name; the same one wherever I is the same
  male,
  female,
  street,
  birth_date,
  deceased,
  postal_code,
  old_postal_code,
};

struct Piece {
  std::uint32_t begin = 0;  // literal text, then the slot
  std::uint32_t length = 0;
  Slot slot = Slot::end;
  std::int64_t a = 0, b = 0, c = 0;
};

class Template {
 public:
  // json: the resource's text. Throws meta::Error{internal} for a slot it does not know.
  explicit Template(std::string_view json);

  const std::vector<Piece>& pieces() const { return pieces_; }
  std::string_view literal(const Piece& piece) const { return {text_.data() + piece.begin, piece.length}; }
  bool has(Slot slot) const;
  // No rendering is longer.
  std::size_t bound() const { return bound_; }

 private:
  std::string text_;
  std::vector<Piece> pieces_;
  std::size_t bound_ = 0;
};

// Templates of one resource type and how often each is drawn. ndjson: {"weight": 3, "resource": {…}} a line.
class TemplateSet {
 public:
  explicit TemplateSet(std::string_view ndjson);
  const Template& draw(std::uint64_t random) const { return templates_[places_[random % places_.size()]]; }

 private:
  std::vector<Template> templates_;
  std::vector<std::uint8_t> places_;  // each template as often as its weight says
};

}  // namespace wellhead::fhirsim
