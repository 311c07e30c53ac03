#include "service/resource/export_stream.h"

#include <optional>
#include <utility>

#include "service/resource/row_csv.h"

namespace wellhead::resource {
namespace {

using storage::AsyncConnection;
using storage::Result;
using storage::Statement;
using storage::Value;
using webserver::Task;

constexpr int kRows = 500;  // a read; as many are on their way while one is being written

class CsvFormat final : public RowFormat {
 public:
  CsvFormat(ServedResourcePointer resource, const FieldMask& fields)
      : resource_(std::move(resource)), csv_(resource_->shown, fields, resource_->services.pseudonyms) {}
  std::string begin() const override { return csv_.header(); }
  bool embedded() const override { return false; }
  void write(const Result& rows, int count, const std::vector<Children>& /*children*/,
             std::string& out) const override {
    for (int row = 0; row < count; ++row) csv_.write(rows, row, out);
  }

 private:
  ServedResourcePointer resource_;
  RowCsv csv_;
};

class NdjsonFormat final : public RowFormat {
 public:
  NdjsonFormat(ServedResourcePointer resource, FieldMask fields)
      : resource_(std::move(resource)), fields_(std::move(fields)) {}
  bool embedded() const override { return !resource_->embedded.empty(); }
  void write(const Result& rows, int count, const std::vector<Children>& children, std::string& out) const override {
    for (int row = 0; row < count; ++row) {
      append_item(*resource_, rows, row, children, fields_, out);
      out.push_back('\n');
    }
  }

 private:
  ServedResourcePointer resource_;
  FieldMask fields_;
};

class ExportStream final : public webserver::BodyStream {
 public:
  ExportStream(ServedResourcePointer resource, storage::ExportConnections::Lease lease, const ListRequest& list,
               std::unique_ptr<RowFormat> format)
      : resource_(std::move(resource)),
        lease_(std::move(lease)),
        fields_(list.fields),
        values_(list.filter_values),
        format_(std::move(format)) {
    ListShape shape = list.shape;
    shape.part = ListPart::rows;
    declare_.emplace("DECLARE exported NO SCROLL CURSOR FOR " + list_sql(resource_->api, resource_->filters, shape),
                     Statement::Use::once);
  }

  // Finds out whether there will be rows to send. One after another through the pipeline; the first query that fails
  // makes those behind it fail.
  Task<bool> open(storage::LocalSettings limits) {
    auto begin = lease_->query(kBegin);
    auto planning = lease_->query(kWholePlan, {}, limits);
    auto declare = lease_->query(*declare_, std::move(values_));
    read_more();
    co_await begin;
    co_await planning;
    co_await declare;
    co_return true;
  }

  Task<std::optional<std::string>> next() override {
    if (ended_) co_return std::nullopt;
    if (!std::exchange(begun_, true)) co_return format_->begin();
    AsyncConnection::Query& reading = *reading_;
    const Result rows = co_await reading;
    if (rows.empty()) {
      ended_ = true;
      auto commit = lease_->query(kCommit);
      co_await commit;
      lease_.done();
      co_return std::nullopt;
    }
    std::vector<Children> children;
    Reading connection(*lease_);
    if (format_->embedded()) {
      children = co_await read_children(resource_, &connection, key_array(*resource_, rows, rows.rows()), fields_);
    }
    read_more();
    add_patients(*resource_, rows, rows.rows(), patients_);
    std::string piece;
    piece.reserve(static_cast<std::size_t>(rows.rows()) * 512);
    format_->write(rows, rows.rows(), children, piece);
    co_return piece;
  }

  std::vector<std::string> take_patients() override { return std::exchange(patients_, {}); }

 private:
  void read_more() { reading_ = lease_->query_ahead(kFetch); }

  static const Statement kBegin, kWholePlan, kFetch, kCommit;

  ServedResourcePointer resource_;
  storage::ExportConnections::Lease lease_;
  FieldMask fields_;
  std::vector<Value> values_;
  std::unique_ptr<RowFormat> format_;
  std::optional<Statement> declare_;
  std::unique_ptr<AsyncConnection::Query> reading_;  // before the lease
  std::vector<std::string> patients_;                // of the pieces since they were asked for
  bool begun_ = false;
  bool ended_ = false;
};

const Statement ExportStream::kBegin("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", Statement::Use::once);
// All rows are wanted, not the first ones soon.
const Statement ExportStream::kWholePlan("SET LOCAL cursor_tuple_fraction = 1", Statement::Use::once);
const Statement ExportStream::kFetch("FETCH " + std::to_string(kRows) + " FROM exported", Statement::Use::once);
const Statement ExportStream::kCommit("COMMIT", Statement::Use::once);

}  // namespace

std::unique_ptr<RowFormat> csv_format(ServedResourcePointer resource, const FieldMask& fields) {
  return std::make_unique<CsvFormat>(std::move(resource), fields);
}

std::unique_ptr<RowFormat> ndjson_format(ServedResourcePointer resource, FieldMask fields) {
  return std::make_unique<NdjsonFormat>(std::move(resource), std::move(fields));
}

Task<std::shared_ptr<webserver::BodyStream>> open_export(ServedResourcePointer resource,
                                                         storage::ExportConnections* exports, std::size_t loop,
                                                         ListRequest list, storage::LocalSettings limits,
                                                         std::unique_ptr<RowFormat> format) {
  auto stream = std::make_shared<ExportStream>(std::move(resource), exports->borrow(loop), list, std::move(format));
  co_await stream->open(std::move(limits));
  co_return stream;
}

}  // namespace wellhead::resource
