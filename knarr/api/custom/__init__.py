"""Know the kinds that CustomResourceDefinitions bring. Pure.

    rows.of_definition(definition)   the registry's rows of a definition's served versions
    laws.Laws                        what a version says of its objects: pruning, defaults, checks, columns, scale
    node.Node                        a structural schema, compiled where it is first needed
"""
