// A whole list as one body, read from the database piece by piece as the client takes it: one transaction and one
// cursor (DECLARE) on a connection of its own, so that it is as of one moment and takes the memory of a few hundred
// rows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "library/storage/postgres/export_connections.h"
#include "service/resource/list_request.h"
#include "service/resource/served_resource.h"

namespace wellhead::resource {

// How the rows of one read become text: appends `count` rows.
class RowFormat {
 public:
  virtual ~RowFormat() = default;
  virtual std::string begin() const { return {}; }
  // Whether it shows the embedded tables.
  virtual bool embedded() const = 0;
  virtual void write(const storage::Result& rows, int count, const std::vector<Children>& children,
                     std::string& out) const = 0;
};

std::unique_ptr<RowFormat> csv_format(ServedResourcePointer resource, const FieldMask& fields);
std::unique_ptr<RowFormat> ndjson_format(ServedResourcePointer resource, FieldMask fields);

// The stream, once its transaction is open, in which the limits hold. Error{database_unreachable} when too many exports
// are under way.
webserver::Task<std::shared_ptr<webserver::BodyStream>> open_export(ServedResourcePointer resource,
                                                                    storage::ExportConnections* exports,
                                                                    std::size_t loop, ListRequest list,
                                                                    storage::LocalSettings limits,
                                                                    std::unique_ptr<RowFormat> format);

}  // namespace wellhead::resource
