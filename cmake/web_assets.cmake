# add_web_assets(TARGET)
#
# Puts the files of web/dist into TARGET as bytes of the binary, each text also gzipped, and the
# table of them that server/web_assets.h promises. Without a built web/dist it is the plain page of
# src/server/plain_page.
function(add_web_assets target)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/web/dist/*)
  list(FILTER files EXCLUDE REGEX "\\.(map|gz)$")
  set(root ${PROJECT_SOURCE_DIR}/web/dist)
  if(NOT EXISTS ${root}/index.html)
    set(root ${PROJECT_SOURCE_DIR}/src/server/plain_page)
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${root}/*)
  endif()

  find_program(GZIP_PROGRAM gzip)
  set(out ${CMAKE_BINARY_DIR}/web_assets)
  file(MAKE_DIRECTORY ${out})
  set(data "")
  set(symbols "")
  set(table "")
  set(depends ${files})
  set(index 0)
  foreach(file ${files})
    file(RELATIVE_PATH path ${root} ${file})
    string(APPEND data "ASSET(${index}, \"${file}\")\n")
    set(gzip_view "{}")
    if(GZIP_PROGRAM AND path MATCHES "\\.(html|js|css|svg|json|webmanifest)$")
      set(packed ${out}/${index}.gz)
      add_custom_command(OUTPUT ${packed} COMMAND ${GZIP_PROGRAM} -9 -n -c ${file} > ${packed}
                         DEPENDS ${file} VERBATIM)
      list(APPEND depends ${packed})
      string(APPEND data "ASSET(${index}_gzip, \"${packed}\")\n")
      set(gzip_view "VIEW(${index}_gzip)")
    endif()
    string(APPEND table "    {\"/${path}\", VIEW(${index}), ${gzip_view}},\n")
    math(EXPR index "${index} + 1")
  endforeach()

  file(GENERATE OUTPUT ${out}/web_assets_data.cc CONTENT
"// Made by cmake/web_assets.cmake.
#include \"server/web_assets.h\"

#define ASSET(name, path)                                                     \\
  asm(\".section .rodata\\n.balign 16\\nholdfast_web_\" #name \":\\n.incbin \\\"\" path \\
      \"\\\"\\nholdfast_web_\" #name \"_end:\\n.byte 0\\n.previous\\n\");                \\
  extern \"C\" const char holdfast_web_##name[];                                \\
  extern \"C\" const char holdfast_web_##name##_end[];
#define VIEW(name) std::string_view(holdfast_web_##name, holdfast_web_##name##_end)

${data}
namespace holdfast::server {

std::span<const EmbeddedFile> EmbeddedFiles() {
  static const EmbeddedFile files[] = {
${table}  };
  return files;
}

}  // namespace holdfast::server
")
  target_sources(${target} PRIVATE ${out}/web_assets_data.cc)
  set_source_files_properties(${out}/web_assets_data.cc PROPERTIES OBJECT_DEPENDS "${depends}")
endfunction()
