package httpapi

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orgexport/orgexport/export/jobs"
)

const (
	defaultPageSize = 25
	maxPageSize     = 100

	// maxPage times the size of a page fits into 64 bits, for stores.
	maxPage = 1<<31 - 1
)

// listIn says which page of an organization's jobs.
type listIn struct {
	OrganizationID string `path:"organization_id"`
	Page           string `query:"page"`
	PageSize       string `query:"page_size"`
}

func (in *listIn) organization() string { return in.OrganizationID }

func (in *listIn) faults(*api) []fault {
	_, faults := in.page()
	return append(organizationFaults(in), faults...)
}

func (in *listIn) page() (jobs.Page, []fault) {
	page, wrongPage := number("page", in.Page, 1, maxPage)
	size, wrongSize := number("page_size", in.PageSize, defaultPageSize, maxPageSize)
	return jobs.Page{Number: page, Size: size}, append(wrongPage, wrongSize...)
}

// orgExportListOut is a page of jobs.
type orgExportListOut struct {
	Data       []orgExportStatusOut `json:"data" doc:"The jobs of this page, newest first."`
	Pagination paginationOut        `json:"pagination" doc:"Where this page is among all."`
}

// TransformSchema implements [huma.SchemaTransformer].
func (orgExportListOut) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return likeContract(s, "OrgExportListOut", "A page of an organization's export jobs.")
}

// paginationOut says where a page is among all pages.
type paginationOut struct {
	Page        int   `json:"page" doc:"Number of this page, from 1."`
	PageSize    int   `json:"page_size" doc:"How many items a page has at most."`
	TotalCount  int64 `json:"total_count" doc:"How many items there are in all."`
	TotalPages  int64 `json:"total_pages" doc:"How many pages there are in all."`
	HasNext     bool  `json:"has_next" doc:"Whether there is a page after this one."`
	HasPrevious bool  `json:"has_previous" doc:"Whether there is a page before this one."`
}

// TransformSchema implements [huma.SchemaTransformer].
func (paginationOut) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	return likeContract(s, "PaginationOut", "Where a page is among all.")
}

type listResponse struct {
	Body orgExportListOut
}

func (a *api) listJobs(ctx context.Context, in *listIn) (*listResponse, error) {
	page, _ := in.page()
	list, total, err := a.config.Service.List(ctx, in.OrganizationID, page)
	if err != nil {
		return nil, err
	}
	pages := (total + int64(page.Size) - 1) / int64(page.Size)
	out := orgExportListOut{
		Data: make([]orgExportStatusOut, len(list)),
		Pagination: paginationOut{
			Page: page.Number, PageSize: page.Size, TotalCount: total, TotalPages: pages,
			HasNext: int64(page.Number) < pages, HasPrevious: page.Number > 1,
		},
	}
	for i, job := range list {
		if out.Data[i], err = a.statusOf(ctx, job); err != nil {
			return nil, err
		}
	}
	return &listResponse{out}, nil
}
