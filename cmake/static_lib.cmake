# Makes libsard.a: all objects linked into one, in which every hidden symbol is local.
execute_process(COMMAND ${LD} -r --whole-archive ${CORE} -o ${OUT}.o COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${OBJCOPY} --localize-hidden ${OUT}.o COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE ${OUT})
execute_process(COMMAND ${AR} rcs ${OUT} ${OUT}.o COMMAND_ERROR_IS_FATAL ANY)
file(REMOVE ${OUT}.o)
