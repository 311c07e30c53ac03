#include "library/converter/converter.h"

#include <array>
#include <utility>

#include "library/converter/document.h"
#include "library/converter/evaluator.h"
#include "library/converter/plan.h"
#include "library/converter/row_writer.h"
#include "library/meta/error.h"

namespace wellhead::converter {

namespace {

constexpr const char* kNotOneRow = "the view does not give exactly one row";

}  // namespace

struct Converter::Plan {
  CompiledPlan compiled;
  std::string base_url;
  std::uint64_t seed = 0;  // of row digests: stands for the views
  bool any_rows = false;
};

struct Converter::State {
  explicit State(const Plan& plan)
      : evaluator(plan.compiled, document, plan.base_url), views(plan.compiled.views.size()) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  struct ViewRows {
    CsvBuffer bytes;
    std::vector<std::size_t> ends;
    std::vector<std::array<char, 32>> digests;

    void clear() {
      bytes.truncate(0);
      ends.clear();
    }
  };

  Document document;
  Evaluator evaluator;
  RowWriter writer;
  std::vector<ViewRows> views;
  CsvBuffer digested;
  std::string resource_id;
};

Converter::Converter(const std::vector<View>& views, Context context) {
  if (views.empty()) throw meta::Error(meta::ErrorCode::invalid_view, "a converter needs a view");
  auto plan = std::make_shared<Plan>();
  std::vector<const ViewSyntax*> syntaxes;
  std::string digests;
  for (const View& view : views) {
    syntaxes.push_back(&view.syntax());
    digests += view.digest();
  }
  plan->compiled = compile_plan(syntaxes);
  plan->base_url = std::move(context.base_url);
  while (plan->base_url.ends_with('/')) plan->base_url.pop_back();
  plan->any_rows = context.any_rows;
  plan->seed = meta::row_digest(digests).low;
  plan_ = std::move(plan);
  state_ = std::make_unique<State>(*plan_);
}

Converter::~Converter() = default;
Converter::Converter(const Converter& other) : plan_(other.plan_), state_(std::make_unique<State>(*plan_)) {}
Converter::Converter(Converter&&) noexcept = default;
Converter& Converter::operator=(Converter&&) noexcept = default;

std::string_view Converter::resource_id() const { return state_->resource_id; }

// Fills the rows of all views. The broken rule or nullptr.
const char* Converter::convert_rows(std::string_view resource) {
  State& state = *state_;
  const CompiledPlan& plan = plan_->compiled;
  state.resource_id.clear();
  state.evaluator.reset();
  state.writer.clear_failure();
  if (const char* rule = state.document.read(resource, plan.shapes, plan.root)) return rule;
  if (const NodeId id = state.document.field(0, plan.id_slot); id != 0) {
    const auto text = state.evaluator.string_of(Item::of_node(id));
    if (text && is_fhir_id(*text)) state.resource_id = *text;
  }
  const NodeId type = state.document.field(0, plan.resource_type_slot);
  if (type == 0 || state.evaluator.string_of(Item::of_node(type)) != plan.resource) {
    if (!plan_->any_rows) return "resourceType is not that of the view";
    for (State::ViewRows& rows : state.views) rows.clear();
    return nullptr;
  }
  for (std::size_t i = 0; i < plan.views.size(); ++i) {
    State::ViewRows& rows = state.views[i];
    rows.clear();
    if (const char* rule = state.writer.write(plan.views[i], state.evaluator, rows.bytes, rows.ends)) return rule;
  }
  if (plan_->any_rows || state.views[0].ends.size() == 1) return nullptr;
  state.writer.clear_failure();
  return kNotOneRow;
}

// The digest of the first view's row covers the digests of all rows of the other views.
void Converter::digest_rows() {
  State& state = *state_;
  state.digested.truncate(0);
  for (std::size_t i = state.views.size(); i-- > 0;) {
    State::ViewRows& rows = state.views[i];
    rows.digests.clear();
    std::size_t begin = 0;
    for (const std::size_t end : rows.ends) {
      rows.digests.push_back(meta::row_digest(rows.bytes.view().substr(begin, end - begin), plan_->seed).hex());
      begin = end;
      if (i > 0) state.digested.append(std::string_view(rows.digests.back().data(), rows.digests.back().size()));
    }
  }
  if (state.digested.size() == 0 || plan_->any_rows) return;
  std::array<char, 32>& own = state.views[0].digests[0];
  state.digested.append(std::string_view(own.data(), own.size()));
  own = meta::row_digest(state.digested.view(), plan_->seed).hex();
}

Rejection Converter::rejection(const char* rule) const {
  Rejection rejection{.resource_id = state_->resource_id, .reason = {}};
  const Step* at = state_->writer.failed_at();
  if (at != nullptr) {
    const bool column = at->kind == Step::Kind::column;
    rejection.reason = (column ? "column " : "forEach ") + at->name + ": " + rule;
    if (column) rejection.reason += " (path " + at->path + ")";
  } else {
    rejection.reason = rule;
  }
  return rejection;
}

std::expected<void, Rejection> Converter::convert(std::string_view resource, std::string_view trailing,
                                                  std::span<CsvOutput> outputs) {
  if (outputs.size() != plan_->compiled.views.size()) {
    throw meta::Error(meta::ErrorCode::internal, "convert() needs one output a view");
  }
  if (const char* rule = convert_rows(resource)) {
    auto why = rejection(rule);
    why.no_row = rule == kNotOneRow && state_->views[0].ends.empty();
    return std::unexpected(std::move(why));
  }
  digest_rows();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const State::ViewRows& rows = state_->views[i];
    std::string& out = outputs[i].bytes;
    std::size_t begin = 0;
    for (std::size_t row = 0; row < rows.ends.size(); ++row) {
      out.append(rows.bytes.data() + begin, rows.ends[row] - begin);
      out += ',';
      out.append(rows.digests[row].data(), rows.digests[row].size());
      out.append(trailing);
      out += '\n';
      begin = rows.ends[row];
    }
    outputs[i].rows += rows.ends.size();
  }
  return {};
}

}  // namespace wellhead::converter
